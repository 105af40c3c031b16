"""What a need is and how it follows from behaviour. Pure: values in, values out."""
