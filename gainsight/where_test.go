package gainsight

import (
	"errors"
	"strings"
	"testing"
)

// plainTerm takes a term as it is written.
func plainTerm(t Term) (Condition, error) {
	c := Condition{Field: t.Field.Text, Operator: t.Operator}
	for _, v := range t.Values {
		c.Values = append(c.Values, String(v.Text))
	}
	return c, nil
}

func TestParseWhere(t *testing.T) {
	for _, c := range []struct{ text, conditions, expression string }{
		{``, ``, ``},
		{`Name EQ "x"`, `Name EQ x`, `A`},
		{`Name = 'it\'s' and "Due Date" >= 2026-01-31`, `Name EQ it's; Due Date GTE 2026-01-31`, `A AND B`},
		{`A = 1 OR B = 2 AND C = 3`, `A EQ 1; B EQ 2; C EQ 3`, `A OR (B AND C)`},
		{`(A = 1 OR B = 2) AND C != 3`, `A EQ 1; B EQ 2; C NE 3`, `(A OR B) AND C`},
		{`A = 1 AND (B = 2 AND (C = 3))`, `A EQ 1; B EQ 2; C EQ 3`, `A AND B AND C`},
		{`A IN ("x, y", z,3) or B is_null`, `A IN x, y|z|3; B IS_NULL `, `A OR B`},
		{`A IN x AND B BTW (1, 5) AND C BTW 2026-01-01 AND 2026-02-01 AND D BTW 1,2`, `A IN x; B BTW 1|5; C BTW 2026-01-01|2026-02-01; D BTW 1|2`, `A AND B AND C AND D`},
		{`A DOES_NOT_CONTAINS "ü(" AND T GT 2026-01-31T08:00:00+02:00`, `A DOES_NOT_CONTAINS ü(; T GT 2026-01-31T08:00:00+02:00`, `A AND B`},
		{`A EXCLUDES (a) OR A INCLUDES (b, c) OR A LT -1.5 OR A LTE 2`, `A EXCLUDES a; A INCLUDES b|c; A LT -1.5; A LTE 2`, `A OR B OR C OR D`},
	} {
		f, err := ParseWhere(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		where, expression, err := f.Conditions(plainTerm)
		var got []string
		for _, w := range where {
			var values []string
			for _, v := range w.Values {
				values = append(values, v.text)
			}
			got = append(got, w.Field+" "+w.Operator+" "+strings.Join(values, "|"))
		}
		if err != nil || strings.Join(got, "; ") != c.conditions || expression != c.expression {
			t.Errorf("%s: %q, expression %q, %v", c.text, got, expression, err)
		}
	}
}

func TestParseWhereTellsThePlace(t *testing.T) {
	for text, want := range map[string]string{
		`Näme EQ`:                "a value is wanted here, not the end; put texts in quotes\n  Näme EQ\n         ^",
		`Name`:                   "an operator is wanted here, not the end",
		`Name LIKE "x"`:          `an operator is wanted here, not "LIKE"; the operators are BTW, CONTAINS`,
		`Name EQ a b`:            "there is \"b\" after the end of a condition; join conditions with AND or OR, and put texts with blanks in quotes\n  Name EQ a b\n            ^",
		`(Name EQ a`:             "a ) is missing here",
		`Name EQ a AND`:          "a field is wanted here, not the end",
		`Name EQ "a`:             "this text has no closing \"; close it\n  Name EQ \"a\n          ^",
		`Name EQ ;`:              `';' stands outside quotes`,
		`Name BTW 1`:             "BTW takes 2 values, here are 1",
		`Name IN (a, )`:          `a value is wanted here, not ")"`,
		`Name IN (a b)`:          `a comma or ) is wanted here, not "b"`,
		`Name EQ (a)`:            `a value is wanted here, not "("`,
		`)`:                      `a field is wanted here, not ")"`,
		"a = 1 AND\n\t== 2":      "a field is wanted here, not \"==\"; write FIELD OPERATOR VALUE, as Name STARTS_WITH \"x\"\n  a = 1 AND  == 2\n             ^",
		strings.Repeat("(", 100): "the parentheses are too deep",
		strings.Repeat("a = 1 AND ", 250) + "a = 1":       "there are more than 200 conditions",
		`StatusName EQ New AND (DueDate GTE 2026-01-01))`: `there is ")" after`,
	} {
		_, err := ParseWhere(text)
		if _, ok := errors.AsType[*WhereError](err); !ok || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", text, err, want)
		}
	}
}

func FuzzParseWhere(f *testing.F) {
	f.Add(`(Name EQ "x" OR B IN (1, '2')) AND C BTW 1 AND 2`)
	f.Add("a = \"\\\"\xff")
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := ParseWhere(text)
		if err != nil {
			if _, ok := errors.AsType[*WhereError](err); !ok || len(strings.Split(err.Error(), "\n")) != 3 {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		where, expression, err := filter.Conditions(plainTerm)
		if err != nil || (len(where) == 0) != (expression == "") {
			t.Errorf("%q: %d conditions, expression %q, %v", text, len(where), expression, err)
		}
	})
}
