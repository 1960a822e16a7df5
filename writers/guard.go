package writers

import "strings"

// guardMark is what makes a spreadsheet take a cell for text.
const guardMark = '\''

// Guard returns s with a leading ' if a spreadsheet that opens it from a CSV
// file would run it as a formula: a cell that begins with = + - @, their
// full-width forms, a tab or a line break, but is not a plain signed number. A
// cell that begins with one or more ' before such a character gets one more,
// so that Unguard(Guard(s)) == s for every s.
func Guard(s string) string {
	if needsGuard(s) {
		return string(guardMark) + s
	}
	return s
}

// Unguard takes one guard off: a leading ' before what Guard guards. Other
// text, also with a leading ', is returned as it is.
func Unguard(s string) string {
	if s != "" && s[0] == guardMark && isTrigger(strings.TrimLeft(s, string(guardMark))) {
		return s[1:]
	}
	return s
}

func needsGuard(s string) bool {
	if s == "" {
		return false
	}
	if s[0] == guardMark {
		return isTrigger(strings.TrimLeft(s, string(guardMark)))
	}
	return isTrigger(s) && !isSignedNumber(s)
}

// isTrigger reports whether s begins with a character that starts a formula,
// or that a spreadsheet skips on the way to one.
func isTrigger(s string) bool {
	if s == "" {
		return false
	}
	switch s[0] {
	case '=', '+', '-', '@', '\t', '\r', '\n':
		return true
	case "＝"[0]: // the first byte of all full-width forms
		return strings.HasPrefix(s, "＝") || strings.HasPrefix(s, "＋") ||
			strings.HasPrefix(s, "－") || strings.HasPrefix(s, "＠")
	}
	return false
}

// isSignedNumber reports whether s is a sign followed by a number and nothing
// else: -12, +3.5, -1.234,56, -1E-3, -15%. There is nothing in it to run.
func isSignedNumber(s string) bool {
	if s == "" || s[0] != '+' && s[0] != '-' {
		return false
	}
	s = strings.TrimSuffix(s[1:], "%")
	mantissa, exponent := s, "0"
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent = s[:i], strings.TrimLeft(s[i+1:], "+-")
		if len(s)-i-1-len(exponent) > 1 {
			return false
		}
	}
	return digits(mantissa, ".,") && digits(exponent, "")
}

// digits reports whether s has a digit, and nothing but digits and others.
func digits(s, others string) bool {
	seen := false
	for i := range len(s) {
		switch {
		case '0' <= s[i] && s[i] <= '9':
			seen = true
		case strings.IndexByte(others, s[i]) < 0:
			return false
		}
	}
	return seen
}
