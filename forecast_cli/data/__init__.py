"""Price files, their validation, the store and the exchange calendars."""
