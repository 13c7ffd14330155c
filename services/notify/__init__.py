"""Mails what happened: to customers in their language, to case workers in German."""
