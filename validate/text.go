package validate

import (
	"math/bits"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	edlib "github.com/hbollon/go-edlib"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// trim takes the blanks off both ends, among them the ones that cannot be seen.
func trim(s string) string {
	if s == "" || s[0] > ' ' && s[0] < utf8.RuneSelf && s[len(s)-1] > ' ' && s[len(s)-1] < utf8.RuneSelf {
		return s
	}
	return strings.TrimFunc(s, blankRune)
}

// blankRune reports whether r takes no ink: white space, the zero-width space and the byte order mark.
func blankRune(r rune) bool {
	return unicode.IsSpace(r) || r == '\u200b' || r == '\ufeff' || r == '\u2060'
}

// AppendFold appends s as names are compared: without outer blanks, without
// regard to case, in composed form and with every kind of blank as a space.
func AppendFold(dst []byte, s string) []byte {
	s = trim(s)
	from := len(dst)
	dst, n := appendLower(dst, s)
	if n < len(s) {
		return appendFoldUnicode(dst[:from], s)
	}
	return dst
}

func appendFoldUnicode(dst []byte, s string) []byte {
	for _, r := range cases.Fold().String(norm.NFC.String(s)) {
		if unicode.IsSpace(r) {
			r = ' '
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// Fold is a name as names are compared: without outer blanks, without regard to
// case, in composed form and with every kind of blank as a space.
func Fold(name string) string { return fold(name) }

// fold is AppendFold as a string.
func fold(s string) string { return string(AppendFold(nil, s)) }

// headerKey is a header as headers are compared: folded, without blanks, _ and -.
func headerKey(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || blankRune(r) {
			return -1
		}
		return r
	}, fold(s))
}

// quote puts s between quotation marks, shortened and without control characters.
func quote(s string) string { return strconv.Quote(shorten(s)) }

// maxValue is the length of Problem.Value in characters.
const maxValue = 120

// shorten cuts s to maxValue characters; it copies, so that a problem does not
// keep the buffer of a row alive.
func shorten(s string) string {
	if len(s) <= maxValue {
		return strings.Clone(s)
	}
	n := 0
	for i := range s {
		if n == maxValue-1 {
			return s[:i] + "…"
		}
		n++
	}
	return strings.Clone(s)
}

// speller finds the nearest of a list of names. Names are compared by optimal
// string alignment on their header keys, so that "Ontrack" is at no distance
// from "On Track" and "Acheived" at one from "Achieved".
type speller struct {
	names   []string
	keys    []string
	letters []uint64 // the set of letters of each key, to skip most comparisons
}

func newSpeller(names []string) *speller {
	s := &speller{names: names, keys: make([]string, len(names)), letters: make([]uint64, len(names))}
	for i, n := range names {
		s.keys[i] = headerKey(n)
		s.letters[i] = letterSet(s.keys[i])
	}
	return s
}

// nearest returns the name nearest to text, or "" where none is near: at most
// one edit for every three characters.
func (s *speller) nearest(text string) string {
	key := headerKey(shortenBytes(text))
	limit := max(1, utf8.RuneCountInString(key)/3)
	set := letterSet(key)
	best := ""
	for i, k := range s.keys {
		if abs(len(k)-len(key)) > 4*limit || bits.OnesCount64(set^s.letters[i]) > 2*limit {
			continue
		}
		d := edlib.OSADamerauLevenshteinDistance(key, k)
		if d > limit || d >= utf8.RuneCountInString(key) && d > 0 {
			continue
		}
		if best == "" || d < limit {
			best, limit = s.names[i], d
		}
		if d == 0 {
			break
		}
	}
	return best
}

// shortenBytes keeps a hostile cell from costing a quadratic comparison.
func shortenBytes(s string) string {
	if len(s) > 512 {
		return strings.ToValidUTF8(s[:512], "")
	}
	return s
}

func letterSet(s string) uint64 {
	var set uint64
	for _, r := range s {
		set |= 1 << (uint32(r) % 64)
	}
	return set
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// sample lists at most n names for a message: New, On Track, … (12 in all).
func sample(names []string, n int) string {
	if len(names) <= n {
		return printable(strings.Join(names, ", "))
	}
	return printable(strings.Join(names[:n], ", ")) + ", … (" + strconv.Itoa(len(names)) + " in all)"
}

// printable is s with ? for what a terminal must not see: control and format
// characters and bytes that are no UTF-8.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// oddities says what in a text cannot be seen or was lost, "" if nothing.
// Control characters are told by odd, what is merely invisible by hidden.
func oddities(s string) (odd, hidden string) {
	if plainText(s) {
		return "", ""
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf || c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
			return odditiesUnicode(s)
		}
	}
	return "", ""
}

func odditiesUnicode(s string) (odd, hidden string) {
	if !utf8.ValidString(s) {
		return "bytes that are no UTF-8", ""
	}
	for _, r := range s {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
		case unicode.IsControl(r):
			odd = "the control character " + codePoint(r)
		case r == utf8.RuneError:
			hidden = "U+FFFD, which stands for a letter lost in an earlier conversion"
		case r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			hidden = codePoint(r) + ", which changes the direction of writing"
		case r == '\u200b' || r == '\ufeff' || r == '\u2060':
			hidden = codePoint(r) + ", which cannot be seen"
		}
	}
	return odd, hidden
}

func codePoint(r rune) string {
	return "U+" + strings.ToUpper(leftPad(strconv.FormatInt(int64(r), 16), 4))
}

func leftPad(s string, n int) string {
	return strings.Repeat("0", max(0, n-len(s))) + s
}
