package validate

import (
	"math"
	"strconv"
	"strings"
	"unicode"

	"gsbatch/readers"
)

// excelDigits is how many digits Excel keeps of a number.
const excelDigits = 15

// destroyedDigits reports whether a number cell stands for an integer of more
// digits than Excel keeps, so that its last ones are not those that were typed.
func destroyedDigits(raw string) bool {
	if len(raw) <= excelDigits {
		if !strings.ContainsAny(raw, "eE") {
			return false
		}
	}
	f, err := strconv.ParseFloat(raw, 64)
	return err == nil && math.Abs(f) >= 1e15 && f == math.Trunc(f)
}

// cellNumber is the raw decimal of a number cell as Excel shows it: without
// exponent and with at most 15 digits.
func cellNumber(raw string) (string, bool) {
	if plainNumber(raw) && len(raw) <= excelDigits {
		return canonical(raw), true
	}
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return "", false
	}
	if f, err = strconv.ParseFloat(strconv.FormatFloat(f, 'g', excelDigits, 64), 64); err != nil {
		return "", false
	}
	if a := math.Abs(f); a != 0 && (a < 1e-9 || a >= 1e21) {
		return strconv.FormatFloat(f, 'e', -1, 64), true
	}
	return canonical(strconv.FormatFloat(f, 'f', -1, 64)), true
}

// plainNumber reports whether s is -?digits[.digits].
func plainNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, fraction, point := strings.Cut(s, ".")
	return digits(whole) && (!point || digits(fraction))
}

// canonical writes a plain number as JSON wants it, one way for each value:
// 007.50 is 7.5, -0 is 0.
func canonical(s string) string {
	negative := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	whole, fraction, _ := strings.Cut(s, ".")
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if fraction = strings.TrimRight(fraction, "0"); fraction != "" {
		whole += "." + fraction
	}
	if negative && whole != "0" {
		return "-" + whole
	}
	return whole
}

// textNumber reads a number written by people. A point is the decimal point. A
// comma, blank or apostrophe is understood where it can mean one thing only:
// 1,234,567 and 1.234,5 and 12,5 are, 1,234 is not.
func textNumber(text string) (s, code, why string) {
	t := trim(strings.ReplaceAll(text, "\u2212", "-"))
	t = strings.TrimPrefix(t, "+")
	if plainNumber(t) {
		return canonical(t), "", ""
	}
	if strings.HasPrefix(t, ".") && digits(t[1:]) || strings.HasPrefix(t, "-.") && digits(t[2:]) {
		return canonical(strings.Replace(t, ".", "0.", 1)), "", ""
	}
	if strings.ContainsAny(t, "eE") && strings.Trim(t, "0123456789.+-eE") == "" {
		if n, ok := cellNumber(t); ok {
			return n, "", ""
		}
	}
	if plain, ok := ungroup(t); ok {
		return canonical(plain), "", ""
	}
	if i := strings.IndexByte(t, ','); i >= 0 && i == strings.LastIndexByte(t, ',') && plainNumber(strings.Replace(t, ",", ".", 1)) {
		return "", "ambiguous-number", "may be " + t[:i] + t[i+1:] + " or " + t[:i] + "." + t[i+1:]
	}
	return "", "not-a-number", "is no number"
}

// ungroup takes the thousands separators out of t and makes its decimal mark a
// point, if there is one way to read it.
func ungroup(t string) (string, bool) {
	var b strings.Builder
	var marks []rune // separators in order
	var groups []int // digits after each
	for i, r := range t {
		switch {
		case r >= '0' && r <= '9':
			if len(groups) > 0 {
				groups[len(groups)-1]++
			}
			b.WriteRune(r)
		case r == '-' && i == 0:
			b.WriteRune(r)
		case r == ',' || r == '.' || r == '\'' || r == '\u2019' || unicode.IsSpace(r):
			marks, groups = append(marks, r), append(groups, 0)
			b.WriteByte(' ')
		default:
			return "", false
		}
	}
	decimal, ok := decimalMark(t, marks, groups)
	if !ok {
		return "", false
	}
	plain := b.String()
	if decimal {
		i := strings.LastIndexByte(plain, ' ')
		plain = plain[:i] + "." + plain[i+1:]
	}
	plain = strings.ReplaceAll(plain, " ", "")
	return plain, plainNumber(plain)
}

// decimalMark says whether the last separator is the decimal mark; ok is false
// where the separators contradict each other or leave it open.
func decimalMark(t string, marks []rune, groups []int) (decimal, ok bool) {
	n := len(marks)
	first := strings.IndexFunc(t, func(r rune) bool { return n > 0 && r == marks[0] })
	if n == 0 || first == 0 || first > 4 && n > 1 {
		return false, false
	}
	for i, m := range marks[:n-1] {
		if m != marks[0] || groups[i] != 3 || first > 3 && t[0] != '-' {
			return false, false
		}
	}
	last := marks[n-1]
	if n == 1 {
		if last == ',' {
			return true, groups[0] != 3 || first > 3 || strings.HasPrefix(t, "0") || strings.HasPrefix(t, "-0")
		}
		return false, last != '.' && groups[0] == 3 && first <= 3
	}
	if last == marks[0] {
		return false, groups[n-1] == 3
	}
	return true, (last == ',' || last == '.') && groups[n-1] > 0
}

// metricNumber reads the value of a metric. A percentage is taken at its face
// value, 15 for 15%, where the metric is a percentage or its unit is not known.
func metricNumber(cell readers.Cell, unit string) (s, code, why string) {
	text := trim(cell.Text)
	bare, percent := strings.CutSuffix(text, "%")
	if percent && unit != "PERCENTAGE" && unit != "" {
		return "", "percent", "is a percentage, the metric's unit is " + unit
	}
	switch cell.Kind {
	case readers.Bool, readers.Date, readers.List:
		return "", "not-a-number", "is no number"
	case readers.Number:
		if n, ok := cellNumber(text); ok {
			return n, "", ""
		}
	}
	return textNumber(bare)
}

// truth reads yes and no; ok is false for any other text.
func truth(text string) (yes, ok bool) {
	switch fold(text) {
	case "true", "yes", "y", "x", "1":
		return true, true
	case "false", "no", "n", "0":
		return false, true
	}
	return false, false
}
