"""Mail under a customer's domain: the sender domain at Brevo and the records that let it be believed."""
