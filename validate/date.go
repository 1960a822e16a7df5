package validate

import (
	"strconv"
	"strings"
	"time"
)

// dateOrder is how a numeric date of a column is to be read.
type dateOrder uint8

const (
	orderUnknown dateOrder = iota
	dayFirst
	monthFirst
)

// dateFault is why a text is no date. code is "" where it is one.
type dateFault struct {
	code, why, mend string
}

// parsedDate is a date as it was read. timed says that it had a time of day
// other than midnight, which is dropped.
type parsedDate struct {
	year, month, day int
	timed            bool
}

// The years that are believed: before or after them a text is a slip, and a
// number is no date serial.
const (
	firstYear       = 1900
	firstSerialYear = 1970
	lastYear        = 2199
)

// String is the date as the API wants it: YYYY-MM-DD.
func (d parsedDate) String() string { return string(d.append(nil)) }

// append appends YYYY-MM-DD to dst.
func (d parsedDate) append(dst []byte) []byte {
	dst = append(dst, byte('0'+d.year/1000%10), byte('0'+d.year/100%10), byte('0'+d.year/10%10), byte('0'+d.year%10), '-')
	return append(dst, byte('0'+d.month/10%10), byte('0'+d.month%10), '-', byte('0'+d.day/10%10), byte('0'+d.day%10))
}

// check says what is impossible or implausible about the date.
func (d parsedDate) check() dateFault {
	switch {
	case d.month < 1 || d.month > 12:
		return dateFault{"impossible-date", "there is no month " + strconv.Itoa(d.month), "write the date as YYYY-MM-DD"}
	case d.day < 1 || d.day > daysIn(d.year, d.month):
		return dateFault{"impossible-date", monthName(d.month) + " " + strconv.Itoa(d.year) + " has no day " + strconv.Itoa(d.day), "write the date as YYYY-MM-DD"}
	case d.year < firstYear || d.year > lastYear:
		return dateFault{"implausible-date", "the year " + strconv.Itoa(d.year) + " is not plausible", "write the date as YYYY-MM-DD"}
	}
	return dateFault{}
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

func monthName(month int) string { return time.Month(month).String() }

// isoDate reads YYYY-MM-DD, also with / or . between and one-digit months and
// days, and with a time of day. ok is false where the text has another form.
func isoDate(s string) (d parsedDate, ok bool) {
	if len(s) < 8 || !digits(s[:4]) {
		return d, false
	}
	sep := s[4]
	if sep != '-' && sep != '/' && sep != '.' {
		return d, false
	}
	d.year = number(s[:4])
	month, rest, ok := cutNumber(s[5:])
	if !ok || rest == "" || rest[0] != sep {
		return d, false
	}
	day, rest, ok := cutNumber(rest[1:])
	if !ok {
		return d, false
	}
	d.month, d.day = month, day
	if rest == "" {
		return d, true
	}
	if rest[0] != 'T' && rest[0] != 't' && rest[0] != ' ' {
		return d, false
	}
	d.timed, ok = timeOfDay(rest[1:])
	return d, ok
}

// cutNumber takes one or two digits off s.
func cutNumber(s string) (n int, rest string, ok bool) {
	i := 0
	for i < len(s) && i < 3 && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	if i == 0 || i == 3 {
		return 0, s, false
	}
	return number(s[:i]), s[i:], true
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// number is the value of a short run of digits.
func number(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		n = n*10 + int(s[i]-'0')
	}
	return n
}

// timeOfDay reads a time such as 10:30, 10:30:00.000, 10:30 PM, 00:00:00Z,
// 12:00+02:00 and says whether it is other than midnight.
func timeOfDay(s string) (timed, ok bool) {
	s = strings.ToUpper(trim(s))
	half := ""
	if strings.HasSuffix(s, "AM") || strings.HasSuffix(s, "PM") {
		half, s = s[len(s)-2:], trim(s[:len(s)-2])
	}
	s = strings.TrimSuffix(s, "Z")
	if i := strings.LastIndexAny(s, "+-"); i > 0 {
		if zone := strings.ReplaceAll(s[i+1:], ":", ""); !digits(zone) || len(zone) != 4 && len(zone) != 2 {
			return false, false
		}
		s = s[:i]
	}
	clock, fraction, _ := strings.Cut(s, ".")
	parts := strings.Split(clock, ":")
	if len(parts) < 2 || len(parts) > 3 || fraction != "" && !digits(fraction) {
		return false, false
	}
	for i, p := range parts {
		if len(p) > 2 || !digits(p) || number(p) > 59 || i == 0 && number(p) > 24 {
			return false, false
		}
		timed = timed || number(p) != 0 && !(i == 0 && number(p) == 12 && half == "AM")
	}
	return timed || half == "PM" || strings.Trim(fraction, "0") != "", true
}

// cutTime takes a time of day off the end of s. timed says that it was not midnight.
func cutTime(s string) (date string, timed, ok bool) {
	colon := strings.IndexByte(s, ':')
	if colon < 0 {
		return s, false, true
	}
	i := colon
	for i > 0 && s[i-1] >= '0' && s[i-1] <= '9' {
		i--
	}
	if i == 0 || s[i-1] != ' ' && s[i-1] != 'T' {
		return s, false, false
	}
	timed, ok = timeOfDay(s[i:])
	return strings.TrimRight(s[:i-1], " ,"), timed, ok
}

// dateParts is a textual date cut at its separators: three numbers, or two
// numbers and the name of a month.
type dateParts struct {
	n     [3]int // values; the month where name says so
	width [3]int // digits of each
	name  int    // index of the part that is a month's name, -1 none
}

// cutDate cuts a date such as 3/4/2025, 03.04.25, 4 March 2025, Mar-4-2025.
func cutDate(s string) (p dateParts, ok bool) {
	p.name = -1
	i := 0
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == '/' || r == '.' || r == '-' || r == ',' || blankRune(r) }) {
		if i == 3 {
			return p, false
		}
		if digits(part) && len(part) <= 4 {
			p.n[i], p.width[i] = number(part), len(part)
		} else {
			month := monthNumber(part)
			if month == 0 || p.name >= 0 {
				return p, false
			}
			p.n[i], p.name = month, i
		}
		i++
	}
	return p, i == 3
}

// monthNumber is the month of an English name of three letters or more, 0 for
// any other text.
func monthNumber(s string) int {
	if len(s) < 3 || len(s) > len("september") {
		return 0
	}
	for m := 1; m <= 12; m++ {
		if name := monthName(m); len(s) <= len(name) && (len(s) == 3 || len(s) == len(name) || m == 9 && len(s) == 4) && strings.EqualFold(s, name[:len(s)]) {
			return m
		}
	}
	return 0
}

// named reads the parts of a date whose month is a name: 4 March 2025,
// March 4, 2025, 2025 March 4 and 4-Mar-25. Two digits of a year are read as
// 1969 to 2068.
func (p dateParts) named() (parsedDate, bool) {
	year, day := 2, 0
	switch {
	case p.name == 0:
		day = 1
	case p.name == 1 && p.width[0] == 4:
		year, day = 0, 2
	case p.name == 2:
		return parsedDate{}, false
	}
	if p.width[day] > 2 || p.width[year] != 4 && (p.width[year] != 2 || p.name != 1 || year != 2) {
		return parsedDate{}, false
	}
	return parsedDate{year: fullYear(p.n[year], p.width[year]), month: p.n[p.name], day: p.n[day]}, true
}

// fullYear gives a year of two digits its century.
func fullYear(n, width int) int {
	switch {
	case width > 2:
		return n
	case n <= 68:
		return 2000 + n
	default:
		return 1900 + n
	}
}

// numeric reports whether the parts are two short numbers and a year of four
// digits, so that only their order is in question.
func (p dateParts) numeric() bool {
	return p.name < 0 && p.width[0] <= 2 && p.width[1] <= 2 && p.width[2] == 4
}

// evidence is the order that the parts themselves prove.
func (p dateParts) evidence() dateOrder {
	switch {
	case p.n[0] > 12 && p.n[0] <= 31 && p.n[1] >= 1 && p.n[1] <= 12:
		return dayFirst
	case p.n[1] > 12 && p.n[1] <= 31 && p.n[0] >= 1 && p.n[0] <= 12:
		return monthFirst
	}
	return orderUnknown
}

func (p dateParts) read(o dateOrder) parsedDate {
	if o == monthFirst {
		return parsedDate{year: p.n[2], month: p.n[0], day: p.n[1]}
	}
	return parsedDate{year: p.n[2], month: p.n[1], day: p.n[0]}
}

// Excel counts days from 1899-12-30, or from 1904-01-01.
const excelEpochShift = 1462

// serialDate reads an Excel date serial. It refuses what is no plausible date:
// numbers outside 1970 to 2199, among them a lone year.
func serialDate(s string, date1904 bool) (parsedDate, bool) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 || f > 200000 {
		return parsedDate{}, false
	}
	day := int(f)
	timed := (f-float64(day))*86400 >= 0.5
	if date1904 {
		day += excelEpochShift
	}
	t := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, day)
	d := parsedDate{t.Year(), int(t.Month()), t.Day(), timed}
	return d, d.year >= firstSerialYear && d.year <= lastYear
}
