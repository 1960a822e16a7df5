package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	edlib "github.com/hbollon/go-edlib"
)

// harmful says whether a rune may change what a terminal shows beyond its own
// place: control characters (C1 and DEL included), bidirectional controls and
// the separators of lines and paragraphs.
func harmful(r rune) bool {
	if r == '\u2028' || r == '\u2029' {
		return true
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}

// neutral replaces what is harmful in s by its escape (\x1b, \u202e) and bytes
// that are no UTF-8 by \x and their value. Line breaks and tabs stay.
func neutral(s string) string {
	return escapeIf(s, func(r rune) bool { return r != '\n' && r != '\t' && harmful(r) })
}

// oneLine is neutral for text that must stay on its line: runs of blanks,
// line breaks and tabs become one blank.
func oneLine(s string) string {
	return neutral(strings.Join(strings.Fields(s), " "))
}

// escapeIf returns s with every rune that bad names, and every wrong byte, escaped.
func escapeIf(s string, bad func(rune) bool) string {
	clean := strings.IndexFunc(s, func(r rune) bool { return r == utf8.RuneError || bad(r) })
	if clean < 0 {
		return s
	}
	out := make([]byte, clean, len(s)+16)
	copy(out, s)
	for s = s[clean:]; s != ""; {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			out = fmt.Appendf(out, `\x%02x`, s[0])
		case !bad(r):
			out = append(out, s[:size]...)
		case r < 0x100:
			out = fmt.Appendf(out, `\x%02x`, r)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		s = s[size:]
	}
	return string(out)
}

// nearest returns the name that word was most likely meant to be, or "". Case,
// "-" and "_" do not count.
func nearest(word string, names []string) string {
	fold := strings.NewReplacer("-", "", "_", "")
	plain := fold.Replace(strings.ToLower(word))
	best, least := "", 1+max(1, len(plain)/3)
	for _, name := range names {
		d := edlib.OSADamerauLevenshteinDistance(plain, fold.Replace(strings.ToLower(name)))
		if d < least {
			best, least = name, d
		}
	}
	return best
}
