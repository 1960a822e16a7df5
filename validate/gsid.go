package validate

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// gsidLength is the length of a Gsid: 36 characters A–Z and 0–9.
const gsidLength = 36

func gsidByte(c byte) bool { return 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' }

// gsidFault says why s is no Gsid, and how to mend it; "" if it is one.
func gsidFault(s string) (why, mend string) {
	if isGsid(s) {
		return "", ""
	}
	if isGsid(strings.ToUpper(s)) {
		return "is in lower case; a Gsid is written in capitals", "write " + strings.ToUpper(s)
	}
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf && (gsidByte(byte(r)) || 'a' <= r && r <= 'z'):
		case r >= utf8.RuneSelf:
			return "contains " + codePoint(r) + " (" + strconv.QuoteRune(r) + "), which is no letter A–Z", "copy the Gsid anew from Gainsight"
		case r == ' ' || r == '\n' || r == '\t':
			return "contains a blank", "give one Gsid without blanks"
		default:
			return "contains " + strconv.QuoteRune(r) + "; a Gsid has only A–Z and 0–9", "copy the Gsid anew from Gainsight"
		}
	}
	return "has " + strconv.Itoa(len(s)) + " characters, a Gsid has 36", "copy the Gsid anew from Gainsight"
}

// gsidLooks says what a Gsid looks like by its first characters, "" if they
// are not known. Goals and templates share 1CG0, types, statuses and metrics 1I00.
func gsidLooks(id string) string {
	switch id[:4] {
	case "1CG0":
		return "a goal or template id"
	case "1P01":
		return "a user id"
	case "1P02":
		return "a company id"
	case "1S01":
		return "a CTA id"
	case "1S02":
		return "a success plan id"
	case "1I00":
		return "a goal type, status or metric id"
	}
	return ""
}

// splitGsids splits a list at ; and line breaks, and at commas and blanks where
// that leaves nothing but Gsids; blanks around the items are dropped. It
// appends to dst.
func splitGsids(dst []string, s string) []string {
	if isGsid(s) {
		return append(dst, s)
	}
	for s != "" {
		i := strings.IndexAny(s, ";\n\r")
		part := s
		if i >= 0 {
			part, s = s[:i], s[i+1:]
		} else {
			s = ""
		}
		if part = trim(part); part != "" {
			dst = appendGlued(dst, part)
		}
	}
	return dst
}

// appendGlued appends part, or its Gsids when it is several of them with commas
// or blanks between.
func appendGlued(dst []string, part string) []string {
	if len(part) <= gsidLength {
		return append(dst, part)
	}
	glued := strings.FieldsFunc(part, func(r rune) bool { return r == ',' || r == '|' || blankRune(r) })
	for _, g := range glued {
		if !isGsid(g) {
			return append(dst, part)
		}
	}
	return append(dst, glued...)
}
