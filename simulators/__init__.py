"""Stand-ins for the vendors: real HTTP, DNS and SMTP servers that refuse what the real ones refuse.

For the demo and the tests only. A simulator knows the vendor's documented behaviour and nothing of ours:
it imports neither contracts nor shared nor a service.
"""
