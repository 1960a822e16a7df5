package readers

import (
	"fmt"
	"strconv"
	"strings"
)

// style is what a cell's number format makes of a number.
type style uint8

const (
	plainStyle   style = iota
	dateStyle          // has a year, month or day
	timeStyle          // only a time of day
	elapsedStyle       // hours, minutes or seconds that go on beyond a day: [h]:mm
	percentStyle
)

// readStyles reads what each cell format shows.
func (w *workbook) readStyles(part string) ([]style, error) {
	custom := make(map[int]style)
	var formats []int
	err := w.read(part, func(x *xmlScanner, parent string) error {
		switch {
		case parent == "" && !x.isMain("styleSheet"):
			return x.wrong("the root element is not a style sheet")
		case parent == "numFmts" && x.isMain("numFmt"):
			id, err := strconv.Atoi(x.attr("numFmtId"))
			if err != nil {
				return x.wrong("number format without an id")
			}
			custom[id] = formatStyle(x.attr("formatCode"))
		case parent == "cellXfs" && x.isMain("xf"):
			id := 0
			if v := x.attr("numFmtId"); v != "" {
				var err error
				if id, err = strconv.Atoi(v); err != nil {
					return x.wrong("cell format with the number format %s", quote(v))
				}
			}
			formats = append(formats, id)
		}
		return nil
	})
	styles := make([]style, len(formats))
	for i, id := range formats {
		s, ok := custom[id]
		if !ok {
			s = builtinStyle(id)
		}
		styles[i] = s
	}
	return styles, err
}

// builtinStyle is the style of a number format that needs no code in the file
// (ECMA-376 part 1, 18.8.30), the East Asian and Thai ones included.
func builtinStyle(id int) style {
	switch {
	case id == 9 || id == 10:
		return percentStyle
	case id >= 14 && id <= 17, id == 22, id >= 27 && id <= 31, id == 36, id >= 50 && id <= 54, id == 57, id == 58, id >= 71 && id <= 74, id == 77, id == 81:
		return dateStyle
	case id == 46 || id == 79:
		return elapsedStyle
	case id >= 18 && id <= 21, id >= 32 && id <= 35, id == 45, id == 47, id == 55, id == 56, id == 75, id == 76, id == 78, id == 80:
		return timeStyle
	}
	return plainStyle
}

// formatStyle tells what a number format code shows, by its first section that
// shows the number at all.
func formatStyle(code string) style {
	for code != "" {
		f, rest := scanFormat(code)
		if f.shows {
			return f.style()
		}
		code = rest
	}
	return plainStyle
}

// formatSection is what the placeholders of a section of a format code are.
type formatSection struct {
	shows, date, clock, elapsed, percent bool
	months                               int // longest run of m, which are minutes beside a clock
}

func (f formatSection) style() style {
	switch {
	case f.percent:
		return percentStyle
	case f.date, f.months > 0 && !f.clock && !f.elapsed, f.months > 2:
		return dateStyle
	case f.elapsed:
		return elapsedStyle
	case f.clock:
		return timeStyle
	}
	return plainStyle
}

// scanFormat reads one section and gives the sections behind it.
func scanFormat(code string) (f formatSection, rest string) {
	if strings.HasPrefix(strings.ToLower(code), "general") {
		return formatSection{shows: true}, ""
	}
	for i := 0; i < len(code); {
		if code[i] == ';' {
			return f, code[i+1:]
		}
		i += f.scan(code[i:])
	}
	return f, ""
}

// scan reads a placeholder or a literal and tells its length.
func (f *formatSection) scan(code string) int {
	switch code[0] {
	case '"':
		if end := strings.IndexByte(code[1:], '"'); end >= 0 {
			return end + 2
		}
		return len(code)
	case '\\', '_', '*':
		return 2
	case '[':
		return f.bracket(code)
	case '0', '#', '?', '@':
		f.shows = true
	case '%':
		f.percent, f.shows = true, true
	case 'y', 'Y', 'd', 'D':
		f.date, f.shows = true, true
	case 'h', 'H', 's', 'S':
		f.clock, f.shows = true, true
	case 'm', 'M':
		run := len(code) - len(strings.TrimLeft(code, "mM"))
		f.months, f.shows = max(f.months, run), true
		return run
	case 'a', 'A':
		if half := "am/pm"; strings.HasPrefix(strings.ToLower(code), half) {
			f.clock = true
			return len(half)
		}
	}
	return 1
}

// bracket reads a colour, a condition, a locale, or hours, minutes or seconds
// that go on beyond their next unit.
func (f *formatSection) bracket(code string) int {
	end := strings.IndexByte(code, ']')
	if end < 0 {
		return len(code)
	}
	inside := strings.ToLower(code[1:end])
	if inside != "" && strings.ContainsAny(inside[:1], "hms") && strings.Trim(inside, inside[:1]) == "" {
		f.elapsed, f.shows = true, true
	}
	return end + 1
}

// styleOf is the style of a cell's format index.
func (w *workbook) styleOf(index []byte) (style, error) {
	i, ok := smallInt(index)
	if ok && i < len(w.styles) {
		return w.styles[i], nil
	}
	if ok && len(w.styles) == 0 {
		return plainStyle, nil
	}
	return 0, caused{ErrDamaged, fmt.Errorf("cell format %s does not exist: the workbook has %d", quote(string(index)), len(w.styles))}
}
