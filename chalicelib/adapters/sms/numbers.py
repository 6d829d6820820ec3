"""Phone numbers by libphonenumber's rules of each country."""

from __future__ import annotations


class LibPhoneNumbers:
    """Reads numbers as people write them."""

    def for_sms(self, *, text: str, country: str) -> str | None:
        """Return a mobile number of a country (ISO 3166-1), read as it is dialled there, as E.164.

        None for what is none: premium numbers and those abroad too, which whoever is paid for being
        called would have us write to.
        """
        import phonenumbers  # its tables are of no use to who sends no SMS

        try:
            number = phonenumbers.parse(text, country)
        except phonenumbers.NumberParseException:
            return None
        # Some countries give fixed lines and mobiles the same numbers.
        kinds = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)
        at_home = phonenumbers.is_valid_number_for_region(number, country)
        if not at_home or phonenumbers.number_type(number) not in kinds:
            return None
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
