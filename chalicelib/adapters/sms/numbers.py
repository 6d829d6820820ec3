"""Phone numbers by libphonenumber's rules of each country."""

from __future__ import annotations


class LibPhoneNumbers:
    """Reads numbers as people write them."""

    def international(self, *, text: str, country: str) -> str | None:
        """Return a number, read as it is dialled in a country (ISO 3166-1), as E.164; None if it is none."""
        import phonenumbers  # its tables are of no use to who sends no SMS

        try:
            number = phonenumbers.parse(text, country)
        except phonenumbers.NumberParseException:
            return None
        if not phonenumbers.is_valid_number(number):
            return None
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
