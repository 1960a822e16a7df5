package validate

import "slices"

// MappingKeys are all keys that a mapping file may have.
func MappingKeys() []string { return slices.Concat(mappingKeys(), ruleKeys(), lookupKeys()) }

// Slowly has every cell read by the steps that know all cases.
func (c *Checker) Slowly() {
	for i := range c.bindings {
		c.bindings[i].quick = false
	}
}

// ParseDate reads a date by a format, or as ISO where format is "".
func ParseDate(format, text string) (string, bool) {
	if format == "" {
		d, ok := isoDate(text)
		return d.String(), ok && d.check().code == ""
	}
	f, err := parseDateFormat(format)
	if err != nil {
		return "", false
	}
	d, err := f.parse(text)
	return d.String(), err == nil && d.check().code == ""
}

// TextNumber reads a number written by people.
func TextNumber(text string) (string, bool) {
	n, code, _ := textNumber(text)
	return n, code == ""
}
