"""A plain model of SiLK's tools, record by record, to hold translations against."""
