"""The ground floor: fields, types, addresses and the checked program."""
