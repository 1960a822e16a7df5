package readers

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"time"
)

// keep turns a cell's content into text and kind, and keeps the cell unless it is blank.
func (s *sheetScanner) keep(c rawCell) error {
	raw := s.text[c.from:c.to]
	if len(raw) == 0 {
		s.keepEmpty(c)
		return nil
	}
	kind := Text
	var err error
	switch c.kind {
	case sharedCell:
		return s.keepShared(c, raw)
	case stringCell:
		s.text = unescape(s.text, c.from)
	case boolCell:
		kind = Bool
		err = s.keepBool(c, raw)
	case errorCell:
		kind = ErrorValue
	case dateCell:
		kind, err = s.keepISO(c, raw)
	case numberCell:
		kind, err = s.keepNumber(c, raw)
	}
	if err != nil {
		return err
	}
	s.cells = append(s.cells, sheetCell{column: s.column, kind: kind, own: true, from: c.from, to: len(s.text)})
	return nil
}

// keepEmpty keeps a formula without a cached value. One whose cached value is
// the empty string is blank, like a cell without content.
func (s *sheetScanner) keepEmpty(c rawCell) {
	text := c.kind == stringCell || c.kind == inlineCell
	if c.formula && (!c.valued || !text) {
		s.cells = append(s.cells, sheetCell{column: s.column, kind: NoValue})
	}
}

func (s *sheetScanner) keepShared(c rawCell, raw []byte) error {
	text, err := s.book.shared(raw)
	if err != nil {
		return err
	}
	s.text = s.text[:c.from]
	if text != "" {
		s.cells = append(s.cells, sheetCell{column: s.column, kind: Text, shared: text})
	}
	return nil
}

func (s *sheetScanner) keepBool(c rawCell, raw []byte) error {
	switch string(raw) {
	case "1", "true":
		s.text = append(s.text[:c.from], "TRUE"...)
	case "0", "false":
		s.text = append(s.text[:c.from], "FALSE"...)
	default:
		return damagedValue("truth value", raw)
	}
	return nil
}

func damagedValue(noun string, raw []byte) error {
	return caused{ErrDamaged, fmt.Errorf("%s %s is none", noun, quote(string(raw)))}
}

// keepISO checks a date of a strict workbook and takes a midnight off. A time
// of day is a text, as it is where a serial number is shown as one.
func (s *sheetScanner) keepISO(c rawCell, raw []byte) (Kind, error) {
	text := string(bytes.TrimSuffix(raw, []byte("Z")))
	for _, layout := range []string{"2006-01-02", "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if at, err := time.Parse(layout, text); err == nil {
			s.text = appendDate(s.text[:c.from], at)
			return Date, nil
		}
	}
	if _, err := time.Parse("15:04:05", text); err == nil {
		return Text, nil
	}
	return 0, damagedValue("date", raw)
}

// appendDate writes a date, and the time of day unless it is midnight.
func appendDate(dst []byte, at time.Time) []byte {
	if at.Equal(at.Truncate(24 * time.Hour)) {
		return at.AppendFormat(dst, "2006-01-02")
	}
	return at.AppendFormat(dst, "2006-01-02T15:04:05.999")
}

// keepNumber writes a number as its style shows it: a date, a percentage, or
// the number itself.
func (s *sheetScanner) keepNumber(c rawCell, raw []byte) (Kind, error) {
	if !isDecimal(raw) {
		return 0, damagedValue("number", raw)
	}
	if c.style == plainStyle && isPlainInt(raw) {
		return Number, nil
	}
	v, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return 0, damagedValue("number", raw)
	}
	switch c.style {
	case percentStyle:
		s.text = appendPercent(s.text[:c.from], v)
		return Percent, nil
	case dateStyle, timeStyle, elapsedStyle:
		if text, kind, ok := appendSerial(s.text[:c.from], v, c.style, s.book.date1904); ok {
			s.text = text
			return kind, nil
		}
	}
	if !isPlainInt(raw) && v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		s.text = strconv.AppendInt(s.text[:c.from], int64(v), 10)
	}
	return Number, nil
}

// isPlainInt says that a decimal is an integer written in the shortest way,
// or one too long for a float to hold.
func isPlainInt(raw []byte) bool {
	digits := bytes.TrimPrefix(raw, []byte("-"))
	for _, b := range digits {
		if b < '0' || b > '9' {
			return false
		}
	}
	return digits[0] != '0' || len(raw) == 1
}

// isDecimal says that raw is a number of XML Schema's double, but no infinity.
func isDecimal(raw []byte) bool {
	i, digits := 0, 0
	if raw[0] == '-' || raw[0] == '+' {
		i++
	}
	for point := false; i < len(raw); i++ {
		switch b := raw[i]; {
		case '0' <= b && b <= '9':
			digits++
		case b == '.' && !point:
			point = true
		case b == 'e' || b == 'E':
			return digits > 0 && isExponent(raw[i+1:])
		default:
			return false
		}
	}
	return digits > 0
}

func isExponent(raw []byte) bool {
	if len(raw) > 0 && (raw[0] == '-' || raw[0] == '+') {
		raw = raw[1:]
	}
	_, ok := smallInt(raw)
	return ok
}

// appendPercent writes v as a percentage with the 15 digits that a spreadsheet
// shows, so that 0.15000000000000002 is 15%.
func appendPercent(dst []byte, v float64) []byte {
	const significant = 15
	// d.dddE±xx: the point moves two digits to the right.
	short := strconv.FormatFloat(v, 'e', significant-1, 64)
	mantissa, exponent, _ := bytes.Cut([]byte(short), []byte("e"))
	n, err := strconv.Atoi(string(exponent))
	if err != nil {
		n = 0
	}
	rounded, err := strconv.ParseFloat(string(mantissa)+"e"+strconv.Itoa(n+2), 64)
	if err != nil {
		rounded = v * 100
	}
	return append(strconv.AppendFloat(dst, rounded, 'f', -1, 64), '%')
}

const (
	day      = 24 * time.Hour
	dayMilli = int64(day / time.Millisecond)
	// lastSerial is 9999-12-31 in the 1900 system; the day after has no date.
	lastSerial = 2958465
	offset1904 = 1462
)

// appendSerial writes the number of days v as a date, or as a time where the
// style or the value has no date. Not ok is a number without either.
func appendSerial(dst []byte, v float64, s style, date1904 bool) ([]byte, Kind, bool) {
	limit := float64(lastSerial + 1)
	if date1904 {
		limit -= offset1904
	}
	if v < 0 || v >= limit {
		return dst, 0, false
	}
	milli := int64(math.Round(v * float64(dayMilli)))
	days, rest := milli/dayMilli, milli%dayMilli
	switch {
	case s == elapsedStyle:
		return appendClock(dst, milli), Text, true
	case s == timeStyle && days == 0:
		return appendClock(dst, rest), Text, true
	case days == 0 && !date1904:
		if rest == 0 {
			return dst, 0, false
		}
		return appendClock(dst, rest), Text, true
	}
	if days == 60 && !date1904 {
		// Excel believes that 1900 was a leap year; no calendar has this day.
		dst = append(dst, "1900-02-29"...)
		if rest > 0 {
			dst = appendClock(append(dst, 'T'), rest)
		}
		return dst, Date, true
	}
	return appendDate(dst, epoch(days, date1904).Add(time.Duration(rest)*time.Millisecond)), Date, true
}

// epoch is the date of a day number.
func epoch(days int64, date1904 bool) time.Time {
	first := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case date1904:
		first = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case days < 60:
		first = first.AddDate(0, 0, 1)
	}
	return first.AddDate(0, 0, int(days))
}

// appendClock writes milliseconds as hours, minutes and seconds.
func appendClock(dst []byte, milli int64) []byte {
	seconds := milli / 1000
	for _, part := range []int64{seconds / 3600, seconds / 60 % 60, seconds % 60} {
		if part < 10 {
			dst = append(dst, '0')
		}
		dst = append(strconv.AppendInt(dst, part, 10), ':')
	}
	dst = dst[:len(dst)-1]
	if f := milli % 1000; f > 0 {
		dst = append(dst, '.', byte('0'+f/100), byte('0'+f/10%10), byte('0'+f%10))
		dst = bytes.TrimRight(dst, "0")
	}
	return dst
}
