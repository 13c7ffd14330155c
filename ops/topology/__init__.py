"""What RabbitMQ should hold and what it holds: `expected`, `real`, `management`, their comparison, and migration."""
