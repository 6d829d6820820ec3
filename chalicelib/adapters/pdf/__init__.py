"""What is printed: sheets, receipts, and the typeface that they share."""
