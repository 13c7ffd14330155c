"""What is said of mail under the bakery's domain, for `contracts.story`."""

from contracts.failure import CustomerText
from contracts.mail import (
    MailDomainReady,
    MailDomainReleased,
    MailDomainRequested,
    MailFinding,
    MailProblem,
    MailRecord,
    MailRecordsNeeded,
    MailRecordType,
)
from contracts.storytelling import DOMAIN

_RECORDS = tuple(
    MailRecord(name=name, type=kind, content=content)
    for name, kind, content in (
        (DOMAIN, MailRecordType.TXT, "brevo-code:5bd1e6d2a4e94f1c9cd8a9b4d3a7e210"),
        (f"brevo1._domainkey.{DOMAIN}", MailRecordType.CNAME, "b1.baeckerei-schmidt-example.dkim.brevo.com"),
        (f"brevo2._domainkey.{DOMAIN}", MailRecordType.CNAME, "b2.baeckerei-schmidt-example.dkim.brevo.com"),
        (DOMAIN, MailRecordType.TXT, "v=spf1 mx include:spf.brevo.com -all"),
        (f"_dmarc.{DOMAIN}", MailRecordType.TXT, "v=DMARC1; p=reject; rua=mailto:post@kunde-mit-domain.example"),
    )
)


MAIL_REQUESTED = MailDomainRequested(domain=DOMAIN, requested_by="erika@kunde-mit-domain.example")
MAIL_NEEDED = MailRecordsNeeded(
    domain=DOMAIN,
    is_ours=False,
    records=_RECORDS,
    findings=(
        MailFinding(
            problem=MailProblem.OTHER_VALUE,
            name=DOMAIN,
            type=MailRecordType.TXT,
            found=("v=spf1 mx -all",),
            wanted=("v=spf1 mx include:spf.brevo.com -all",),
            text=CustomerText(
                de=f"Der Eintrag unter {DOMAIN} lautet v=spf1 mx -all. Ändern Sie ihn in einen TXT-Eintrag mit "
                "dem Wert v=spf1 mx include:spf.brevo.com -all.",
                en=f"The record at {DOMAIN} is v=spf1 mx -all. Change it to a TXT record with the value "
                "v=spf1 mx include:spf.brevo.com -all.",
            ),
        ),
    ),
)
MAIL_READY = MailDomainReady(domain=DOMAIN, mx=False, records=_RECORDS, spf_lookups=2)
MAIL_RELEASED = MailDomainReleased(domain=DOMAIN, records=(), sender_removed=True)
