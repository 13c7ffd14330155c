"""dns: from ProjectOrdered to DnsConfigured, with the records at INWX.

Chooses the server, sets the records, waits for the zone's name servers. What runs on the server is not its business.
"""
