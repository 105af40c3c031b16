"""What to say, computed: values in, values out."""
