package validate

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// dateFormat is a compiled --date-format: DD/MM/YYYY, D.M.YY, MMM D, YYYY …
type dateFormat struct {
	text  string
	parts []formatPart
}

// formatPart is a token of a date format, or text between tokens.
type formatPart struct {
	token   byte // 'D', 'M', 'Y'; 0 for text
	width   int  // letters of the token
	literal string
}

// parseDateFormat compiles a format of the tokens D, DD, M, MM, MMM (Jan), MMMM
// (January), YY, YYYY and what stands between them. Case is ignored. Each of
// day, month and year must occur once.
func parseDateFormat(text string) (*dateFormat, error) {
	f := &dateFormat{text: text}
	seen := map[byte]bool{}
	upper := strings.ToUpper(text)
	for i := 0; i < len(text); {
		c := upper[i]
		if c != 'D' && c != 'M' && c != 'Y' {
			if 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' {
				return nil, fmt.Errorf("date format %q: %q is no token; use D, DD, M, MM, MMM, MMMM, YY, YYYY and separators", text, text[i:i+1])
			}
			f.addLiteral(text[i : i+1])
			i++
			continue
		}
		n := i
		for n < len(upper) && upper[n] == c {
			n++
		}
		if err := f.addToken(c, n-i, seen); err != nil {
			return nil, err
		}
		i = n
	}
	if !seen['D'] || !seen['M'] || !seen['Y'] {
		return nil, fmt.Errorf("date format %q: day, month and year must all be there, as in DD/MM/YYYY", text)
	}
	return f, f.checkGlued()
}

func (f *dateFormat) addLiteral(s string) {
	if n := len(f.parts); n > 0 && f.parts[n-1].token == 0 {
		f.parts[n-1].literal += s
		return
	}
	f.parts = append(f.parts, formatPart{literal: s})
}

func (f *dateFormat) addToken(c byte, width int, seen map[byte]bool) error {
	if seen[c] {
		return fmt.Errorf("date format %q: %c occurs twice", f.text, c)
	}
	seen[c] = true
	if c == 'D' && width > 2 || c == 'M' && width > 4 || c == 'Y' && width != 2 && width != 4 {
		return fmt.Errorf("date format %q: %q is no token; use D, DD, M, MM, MMM, MMMM, YY, YYYY", f.text, strings.Repeat(string(c), width))
	}
	f.parts = append(f.parts, formatPart{token: c, width: width})
	return nil
}

// checkGlued refuses formats such as DMYYYY, which cannot be cut.
func (f *dateFormat) checkGlued() error {
	for i := 1; i < len(f.parts); i++ {
		a, b := f.parts[i-1], f.parts[i]
		if a.token != 0 && b.token != 0 && (a.width == 1 || b.width == 1) {
			return fmt.Errorf("date format %q: D and M of one letter need a separator beside them", f.text)
		}
	}
	return nil
}

// errFormat says that a text does not have the form of a date format.
var errFormat = errors.New("other form")

// parse reads s by the format. A month or day of two letters may be written
// with one digit where a separator follows.
func (f *dateFormat) parse(s string) (d parsedDate, err error) {
	for i, p := range f.parts {
		if p.token == 0 {
			if s, err = cutLiteral(s, p.literal); err != nil {
				return d, err
			}
			continue
		}
		glued := i+1 < len(f.parts) && f.parts[i+1].token != 0 || i > 0 && f.parts[i-1].token != 0
		if s, err = d.cut(s, p, glued); err != nil {
			return d, err
		}
	}
	if s != "" {
		return d, errFormat
	}
	return d, nil
}

// cutLiteral takes the text between two tokens off s; a blank stands for any blanks.
func cutLiteral(s, literal string) (string, error) {
	if trimmed := trim(literal); trimmed != literal {
		s = strings.TrimLeft(s, " ")
		rest, ok := strings.CutPrefix(s, trimmed)
		if !ok {
			return s, errFormat
		}
		return strings.TrimLeft(rest, " "), nil
	}
	rest, ok := strings.CutPrefix(s, literal)
	if !ok {
		return s, errFormat
	}
	return rest, nil
}

// cut takes the text of one token off s.
func (d *parsedDate) cut(s string, p formatPart, glued bool) (string, error) {
	if p.token == 'M' && p.width >= 3 {
		n := 0
		for n < len(s) && (s[n]|0x20) >= 'a' && (s[n]|0x20) <= 'z' {
			n++
		}
		if d.month = monthNumber(s[:n]); d.month == 0 {
			return s, errFormat
		}
		return strings.TrimPrefix(s[n:], "."), nil
	}
	low, high := 1, 2
	if p.token == 'Y' {
		low, high = p.width, p.width
	} else if glued {
		low = 2
	}
	n := 0
	for n < len(s) && n < high && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	if n < low || n == high && !glued && n < len(s) && s[n] >= '0' && s[n] <= '9' {
		return s, errFormat
	}
	v := number(s[:n])
	switch p.token {
	case 'D':
		d.day = v
	case 'M':
		d.month = v
	default:
		d.year = fullYear(v, p.width)
	}
	return s[n:], nil
}

// example is a day in the format, for messages.
func (f *dateFormat) example() string {
	var b strings.Builder
	for _, p := range f.parts {
		switch {
		case p.token == 0:
			b.WriteString(p.literal)
		case p.token == 'Y':
			b.WriteString("2027"[4-p.width:])
		case p.token == 'M' && p.width == 4:
			b.WriteString("April")
		case p.token == 'M' && p.width == 3:
			b.WriteString("Apr")
		case p.token == 'M':
			b.WriteString(leftPad("4", p.width))
		default:
			b.WriteString(strconv.Itoa(23))
		}
	}
	return b.String()
}
