"""ISP Billing: subscribers, billing and the duties that come with people's data, one tenant an ISP."""
