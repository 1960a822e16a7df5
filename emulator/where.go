package emulator

import (
	"slices"
	"strings"
)

// filter is a compiled where clause: a condition, or several joined by AND or OR.
type filter struct {
	word string // "", AND, OR
	cond *condition
	kids []*filter
}

// condition compares one field with values. A null field fits IS_NULL and
// nothing else. Texts are compared without regard to case.
type condition struct {
	alias    string
	field    *field
	operator string
	values   []operand
	used     bool
}

// matches says whether r fits; a nil filter takes every record.
func (f *filter) matches(r *record) bool {
	switch {
	case f == nil:
		return true
	case f.cond != nil:
		return f.cond.matches(r)
	case f.word == "OR":
		return slices.ContainsFunc(f.kids, func(k *filter) bool { return k.matches(r) })
	}
	return !slices.ContainsFunc(f.kids, func(k *filter) bool { return !k.matches(r) })
}

// only returns the values one of which the named field must equal, where the
// filter says so; known is false where it does not.
func (f *filter) only(name string) (values []string, known bool) {
	switch {
	case f == nil || f.word == "OR":
		return nil, false
	case f.cond != nil:
		if c := f.cond; c.field.name == name && (c.operator == "EQ" || c.operator == "IN") {
			for _, v := range c.values {
				values = append(values, v.text)
			}
			return values, true
		}
		return nil, false
	}
	for _, k := range f.kids {
		if values, known = k.only(name); known {
			return values, true
		}
	}
	return nil, false
}

// compileWhere reads {"conditions": […], "expression": "A AND B"}.
func (t *Tenant) compileWhere(raw []byte, sw *Switches) (*filter, *refusal) {
	if raw == nil || isNull(raw) {
		return nil, nil
	}
	if !isObject(raw) {
		return nil, refuse(invalidRequest, "where is no object")
	}
	if err := onlyKeys(raw, "conditions", "expression"); err != nil {
		return nil, err
	}
	list := member(raw, "conditions")
	if list != nil && !isArray(list) {
		return nil, refuse(invalidRequest, "conditions is no list")
	}
	var conditions []*condition
	for e := range elements(list) {
		c, err := t.compileCondition(e, sw)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(conditions, func(o *condition) bool { return o.alias == c.alias }) {
			return nil, refuse(invalidRequest, "Alias %s is used twice in where clause", c.alias)
		}
		conditions = append(conditions, c)
	}
	expression, _ := textOf(member(raw, "expression"))
	return compileExpression(expression, conditions, sw)
}

func compileExpression(text string, conditions []*condition, sw *Switches) (*filter, *refusal) {
	if strings.TrimSpace(text) == "" {
		switch len(conditions) {
		case 0:
			return nil, nil
		case 1:
			return &filter{cond: conditions[0]}, nil
		}
		return nil, refuse(invalidRequest, "expression is missing in where clause")
	}
	p := &expressionParser{words: splitExpression(text), conditions: conditions, strict: sw.Strict}
	f, err := p.or(0)
	switch {
	case err != nil:
		return nil, err
	case len(p.words) > 0:
		return nil, refuse(invalidRequest, "Invalid expression in where clause, unexpected %q", p.words[0])
	}
	for _, c := range conditions {
		if !c.used {
			return nil, refuse(invalidRequest, "Condition %s is not used in the expression", c.alias)
		}
	}
	return f, nil
}

// splitExpression splits into aliases, words and parentheses.
func splitExpression(text string) []string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "(", " ( "), ")", " ) ")
	return strings.Fields(text)
}

// expressionParser reads: or = and {OR and}; and = term {AND term};
// term = alias | "(" or ")".
type expressionParser struct {
	words      []string
	conditions []*condition
	strict     bool
}

const maxNesting = 100

func (p *expressionParser) next(word string) bool {
	if len(p.words) > 0 && strings.EqualFold(p.words[0], word) {
		p.words = p.words[1:]
		return true
	}
	return false
}

func (p *expressionParser) or(depth int) (*filter, *refusal) {
	return p.joined("OR", func() (*filter, *refusal) {
		return p.joined("AND", func() (*filter, *refusal) { return p.term(depth) })
	})
}

func (p *expressionParser) joined(word string, part func() (*filter, *refusal)) (*filter, *refusal) {
	f, err := part()
	if err != nil {
		return nil, err
	}
	list := []*filter{f}
	for p.next(word) {
		if p.strict && word == "OR" {
			return nil, refuse(invalidRequest, "Invalid expression in where clause, OR is not supported")
		}
		if f, err = part(); err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return &filter{word: word, kids: list}, nil
}

func (p *expressionParser) term(depth int) (*filter, *refusal) {
	if len(p.words) == 0 {
		return nil, refuse(invalidRequest, "Invalid expression in where clause, it ends too early")
	}
	word := p.words[0]
	p.words = p.words[1:]
	if word == "(" && !p.strict && depth < maxNesting {
		f, err := p.or(depth + 1)
		if err == nil && !p.next(")") {
			err = refuse(invalidRequest, "Invalid expression in where clause, a closing parenthesis is missing")
		}
		return f, err
	}
	for _, c := range p.conditions {
		if c.alias == word {
			c.used = true
			return &filter{cond: c}, nil
		}
	}
	return nil, refuse(invalidRequest, "Invalid expression in where clause, unknown alias %q", word)
}
