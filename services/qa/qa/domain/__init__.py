"""Pure: values in, values out; time is an argument."""
