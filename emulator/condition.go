package emulator

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// operand is a value of a condition: its folded text and, for numbers and
// times, its number.
type operand struct {
	text   string
	number float64
}

// strictOperators are those that the page shows.
func strictOperators() []string { return []string{"EQ", "STARTS_WITH", "CONTAINS"} }

// operands tells how many values an operator takes; most is -1 for any number.
func operands(operator string) (least, most int, known bool) {
	switch operator {
	case "EQ", "NE", "GT", "GTE", "LT", "LTE", "STARTS_WITH", "CONTAINS", "DOES_NOT_CONTAINS":
		return 1, 1, true
	case "BTW":
		return 2, 2, true
	case "IS_NULL", "IS_NOT_NULL":
		return 0, 0, true
	case "IN", "INCLUDES", "EXCLUDES":
		return 1, -1, true
	}
	return 0, 0, false
}

func (t *Tenant) compileCondition(raw []byte, sw *Switches) (*condition, *refusal) {
	if !isObject(raw) {
		return nil, refuse(invalidRequest, "conditions holds something that is no object")
	}
	if err := onlyKeys(raw, "fieldName", "value", "alias", "operator"); err != nil {
		return nil, err
	}
	c := &condition{}
	name, _ := textOf(member(raw, "fieldName"))
	c.alias, _ = textOf(member(raw, "alias"))
	c.operator, _ = textOf(member(raw, "operator"))
	c.field = t.fields.byName[name]
	least, most, known := operands(c.operator)
	switch {
	case c.field == nil:
		return nil, refuse(invalidField, "Invalid fields in where clause - %s", name)
	case c.alias == "" || strings.ContainsAny(c.alias, "() \t"):
		return nil, refuse(invalidRequest, "A condition of the where clause has no alias")
	case !known || sw.Strict && !slices.Contains(strictOperators(), c.operator):
		return nil, refuse(invalidRequest, "Invalid operator in where clause - %s", c.operator)
	}
	values := member(raw, "value")
	if values != nil && !isNull(values) && !isArray(values) {
		return nil, refuse(invalidRequest, "value of condition %s is no list", c.alias)
	}
	for e := range elements(values) {
		o, ok := c.operand(e)
		if !ok {
			return nil, refuse(invalidValue, "Invalid value for field %s in where clause - %s", name, e)
		}
		c.values = append(c.values, o)
	}
	if n := len(c.values); n < least || most >= 0 && n > most {
		return nil, refuse(invalidRequest, "Operator %s does not take %d values", c.operator, n)
	}
	return c, nil
}

// operand reads a value: a text, or a number or truth value as JSON writes it.
func (c *condition) operand(raw []byte) (operand, bool) {
	text, isText := textOf(raw)
	if !isText {
		if isNull(raw) || isObject(raw) || isArray(raw) {
			return operand{}, false
		}
		text = string(raw)
	}
	o := operand{text: fold(text)}
	switch c.field.kind {
	case numberKind:
		n, ok := numberOf([]byte(text))
		o.number = n
		return o, ok
	case timeKind:
		n, ok := timeOf(text)
		o.number = n
		return o, ok
	case dateKind:
		n, err := strconv.ParseFloat(text, 64) // days of a template
		o.number = n
		_, isDay := parseDate(text)
		return o, isDay || err == nil || c.operator == "STARTS_WITH" || c.operator == "CONTAINS" || c.operator == "DOES_NOT_CONTAINS"
	}
	return o, true
}

// timeOf reads epoch milliseconds, a date or a time with its zone.
func timeOf(text string) (float64, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return float64(n), true
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return float64(at.UnixMilli()), true
		}
	}
	return 0, false
}

func (c *condition) matches(r *record) bool {
	v := c.field.get(r)
	switch {
	case c.operator == "IS_NULL":
		return !v.set
	case !v.set:
		return false
	case c.operator == "IS_NOT_NULL":
		return true
	}
	numeric := c.field.kind == numberKind || c.field.kind == timeKind || c.field.name == "DueDate" && r.isTemplate
	text := ""
	if !numeric || isTextual(c.operator) {
		text = fold(v.text)
	}
	order := func(o operand) int { return compare(v, text, o, numeric) }
	switch c.operator {
	case "EQ":
		return order(c.values[0]) == 0
	case "NE":
		return order(c.values[0]) != 0
	case "GT":
		return order(c.values[0]) > 0
	case "GTE":
		return order(c.values[0]) >= 0
	case "LT":
		return order(c.values[0]) < 0
	case "LTE":
		return order(c.values[0]) <= 0
	case "BTW":
		return order(c.values[0]) >= 0 && order(c.values[1]) <= 0
	case "IN":
		return slices.ContainsFunc(c.values, func(o operand) bool { return order(o) == 0 })
	}
	return c.matchesText(text)
}

func isTextual(operator string) bool {
	switch operator {
	case "STARTS_WITH", "CONTAINS", "DOES_NOT_CONTAINS", "INCLUDES", "EXCLUDES":
		return true
	}
	return false
}

func compare(v value, text string, o operand, numeric bool) int {
	switch {
	case !numeric:
		return strings.Compare(text, o.text)
	case v.number < o.number:
		return -1
	case v.number > o.number:
		return 1
	}
	return 0
}

// matchesText carries out the operators on parts of a text. INCLUDES and
// EXCLUDES look at the words of a multi-select field.
func (c *condition) matchesText(text string) bool {
	switch c.operator {
	case "STARTS_WITH":
		return strings.HasPrefix(text, c.values[0].text)
	case "CONTAINS":
		return strings.Contains(text, c.values[0].text)
	case "DOES_NOT_CONTAINS":
		return !strings.Contains(text, c.values[0].text)
	}
	words := []string{text}
	if c.field.kind == multiKind {
		words = strings.Split(text, ";")
	}
	found := slices.ContainsFunc(c.values, func(o operand) bool { return slices.Contains(words, o.text) })
	return found == (c.operator == "INCLUDES")
}
