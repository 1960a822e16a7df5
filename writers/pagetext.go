package writers

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The longest texts of a page, in characters.
const (
	maxName    = 120  // names, values, places
	maxSaid    = 600  // messages and reasons
	maxCommand = 4000 // commands, and a piece of a mapping file
)

func pageFuncs() template.FuncMap {
	return template.FuncMap{
		"n":       grouped[int],
		"name":    func(s string) string { return shown(s, maxName) },
		"said":    func(s string) string { return shown(s, maxSaid) },
		"command": func(s string) string { return shown(s, maxCommand) },
		"words":   func(s string) string { return strings.ReplaceAll(s, "_", " ") },
		"clock":   clock,
		"iso":     func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"size":    sizeText,
		"c":       short,
		"split":   func(s string) []string { return strings.Split(shown(s, maxCommand), " ") },
	}
}

// shown is a text that came from a file or a server, as a page can bear it: at
// most limit characters, with what cannot be seen, or would move other text, by
// its escape (\x1b, \u202e). Line breaks stay.
func shown(s string, limit int) string {
	var b strings.Builder
	n, marks := 0, 0
	for i, r := range s {
		if n++; n > limit {
			fmt.Fprintf(&b, "… (%s characters)", grouped(utf8.RuneCountInString(s)))
			break
		}
		if unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r) {
			if marks++; marks > 3 { // they pile up over the lines above
				continue
			}
		} else {
			marks = 0
		}
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n', r == '\t':
			b.WriteRune(r)
		case !unseen(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// unseen says whether a character shows nothing of itself: controls, formats
// (bidirectional ones among them), separators of lines, and private and
// unassigned ones, but for the joiners that some scripts and emoji need.
func unseen(r rune) bool {
	switch r {
	case '\u200c', '\u200d':
		return false
	case '\u2028', '\u2029':
		return true
	}
	return !unicode.IsGraphic(r)
}

// grouped is a number with commas between its thousands.
func grouped[T int | int64](n T) string {
	text := strconv.FormatInt(int64(n), 10)
	digits := strings.TrimPrefix(text, "-")
	var b strings.Builder
	b.WriteString(text[:len(text)-len(digits)])
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// countText is "1 row" or "2 rows", in digits.
func countText(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + many
}

// clock is a moment as people write it.
func clock(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }

// lasted is a duration to two figures.
func lasted(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	case d >= 100*time.Minute:
		return fmt.Sprintf("%.1f hours", d.Hours())
	case d >= 100*time.Second:
		return fmt.Sprintf("%.0f minutes", d.Minutes())
	case d >= 10*time.Second:
		return fmt.Sprintf("%.0f seconds", d.Seconds())
	}
	return fmt.Sprintf("%.1f seconds", d.Seconds())
}

// sizeText is a size in bytes to two figures; "" for 0.
func sizeText(n int64) string {
	switch {
	case n <= 0:
		return ""
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 999_500:
		return fmt.Sprintf("%.0f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// title makes words of a code or an action: unknown-status is Unknown status.
// One of the server's, in capitals or with digits, stays as it is.
func title(code string) string {
	if code == "" || strings.ContainsFunc(code, func(r rune) bool { return unicode.IsUpper(r) || unicode.IsDigit(r) }) {
		return code
	}
	first, size := utf8.DecodeRuneInString(code)
	if first == utf8.RuneError {
		return code
	}
	return string(unicode.ToUpper(first)) + strings.ReplaceAll(code[size:], "-", " ")
}
