"""Webhooks: sends events to whoever has subscribed, signed as Standard Webhooks says (https://www.standardwebhooks.com)."""
