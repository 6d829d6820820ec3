"""What the product does: one module a noun, keyword-only functions over ports."""
