"""Who orders what in the tests, and where it comes to live."""

from contracts import Contact, Plugin, Registrant, TargetServer

BASE_DOMAIN = "vrs.example"
PLUGINS = (Plugin(name="shop", version="2.3.1"), Plugin(name="blog", version="1.0.0"))
CUSTOMER = Contact(name="Erika Muster", email="erika@kunde-mit-domain.example")

SERVER = TargetServer(
    id="srv0000000000000000000001", name="srv-tenants-1", region="fsn1", ipv4="203.0.113.10", ipv6="2001:db8::10"
)
"""The first server of the Coolify simulator."""

OWNER = Registrant(
    name="Erika Muster",
    street="Rosenweg 5",
    postal_code="10115",
    city="Berlin",
    country="DE",
    phone="+49.301234567",
    email=CUSTOMER.email,
)
MAX_CENTS = 1500
