package gainsight

import (
	"fmt"
	"slices"
	"strings"
)

// Filter is a condition, or several joined by AND or OR, as ParseWhere reads
// it. Field names and values are as they were written.
type Filter struct {
	Join  string // "", AND, OR
	Parts []Filter
	Term  Term // where Join is ""
}

// Term is one comparison of a Filter.
type Term struct {
	Field    Operand
	Operator string // as the API spells it
	Values   []Operand
}

// Operand is a field's name or a value, with its place in the text.
type Operand struct {
	Text   string
	Quoted bool
	At     int // byte
}

// WhereError says what is wrong with a filter, and where.
type WhereError struct {
	Text string
	At   int // byte of Text
	Why  string
	Mend string
}

// Error is what is wrong in the first line; the others are the filter and a
// caret below the place.
func (e *WhereError) Error() string {
	flat := func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}
	at := min(e.At, len(e.Text))
	line := e.Why
	if e.Mend != "" {
		line += "; " + e.Mend
	}
	return line + "\n  " + strings.Map(flat, e.Text) + "\n  " + strings.Repeat(" ", len([]rune(e.Text[:at]))) + "^"
}

// The bounds of a filter. Past them an alias could read OR, and a server
// would hardly follow.
const (
	maxTerms   = 200
	maxNesting = 50
)

// arity is how many values an operator takes; most -1: any number.
type arity struct{ least, most int }

// operators are those of API.md's specification and of its nearest relatives.
func operators() map[string]arity {
	one := arity{1, 1}
	return map[string]arity{
		"EQ": one, "NE": one, "GT": one, "GTE": one, "LT": one, "LTE": one,
		"STARTS_WITH": one, "CONTAINS": one, "DOES_NOT_CONTAINS": one,
		"BTW": {2, 2}, "IS_NULL": {0, 0}, "IS_NOT_NULL": {0, 0},
		"IN": {1, -1}, "INCLUDES": {1, -1}, "EXCLUDES": {1, -1},
	}
}

// symbols are the operators that may be written as signs.
func symbols() map[string]string {
	return map[string]string{"=": "EQ", "!=": "NE", "<>": "NE", ">": "GT", ">=": "GTE", "<": "LT", "<=": "LTE"}
}

// ParseWhere reads a filter: conditions of a field, an operator and its values,
// joined by AND and OR (AND binds closer) and parentheses. Values are texts in
// quotes, numbers, dates or single words; lists stand in parentheses. Any error
// is a *WhereError. A blank text is nil, no filter.
func ParseWhere(text string) (*Filter, error) {
	p := &whereParser{text: text, known: operators()}
	if err := p.cut(); err != nil {
		return nil, err
	}
	if p.peek().kind == wordEnd {
		return nil, nil
	}
	f, err := p.either(0)
	if err != nil {
		return nil, err
	}
	if w := p.peek(); w.kind != wordEnd {
		return nil, p.fail(w, "there is "+w.show()+" after the end of a condition", "join conditions with AND or OR, and put texts with blanks in quotes")
	}
	return &f, nil
}

// whereParser reads the words of a filter by recursive descent.
type whereParser struct {
	text  string
	words []whereWord
	at    int
	terms int
	known map[string]arity
}

func (p *whereParser) fail(w whereWord, why, mend string) error {
	return &WhereError{Text: p.text, At: w.at, Why: why, Mend: mend}
}

func (p *whereParser) peek() whereWord { return p.words[p.at] }

func (p *whereParser) next() whereWord {
	w := p.words[p.at]
	if w.kind != wordEnd {
		p.at++
	}
	return w
}

// accept takes the next word if it is this keyword.
func (p *whereParser) accept(keyword string) bool {
	if !p.peek().is(keyword) {
		return false
	}
	p.at++
	return true
}

// either reads conditions joined by OR.
func (p *whereParser) either(depth int) (Filter, error) {
	return p.joined("OR", func() (Filter, error) {
		return p.joined("AND", func() (Filter, error) { return p.unit(depth) })
	})
}

func (p *whereParser) joined(word string, part func() (Filter, error)) (Filter, error) {
	first, err := part()
	if err != nil || !p.peek().is(word) {
		return first, err
	}
	f := Filter{Join: word, Parts: []Filter{first}}
	for p.accept(word) {
		more, err := part()
		if err != nil {
			return f, err
		}
		f.Parts = append(f.Parts, more)
	}
	return f, nil
}

// unit reads a condition, or a filter in parentheses.
func (p *whereParser) unit(depth int) (Filter, error) {
	w := p.peek()
	if w.kind != wordOpen {
		term, err := p.term()
		return Filter{Term: term}, err
	}
	if depth == maxNesting {
		return Filter{}, p.fail(w, "the parentheses are too deep", "")
	}
	p.next()
	f, err := p.either(depth + 1)
	if err != nil {
		return f, err
	}
	if end := p.next(); end.kind != wordClose {
		return f, p.fail(end, "a ) is missing here, or AND or OR", "")
	}
	return f, nil
}

func (p *whereParser) term() (Term, error) {
	var t Term
	field := p.next()
	if field.kind != wordText && field.kind != wordQuoted || field.is("AND") || field.is("OR") {
		return t, p.fail(field, "a field is wanted here, not "+field.show(), `write FIELD OPERATOR VALUE, as Name STARTS_WITH "x"`)
	}
	if p.terms++; p.terms > maxTerms {
		return t, p.fail(field, fmt.Sprintf("there are more than %d conditions", maxTerms), "use IN with a list")
	}
	t.Field = field.operand()
	op := p.next()
	t.Operator = strings.ToUpper(op.text)
	if sign := symbols()[op.text]; sign != "" {
		t.Operator = sign
	}
	takes, known := p.known[t.Operator]
	if !known || op.kind != wordText && op.kind != wordSign {
		return t, p.fail(op, "an operator is wanted here, not "+op.show(), "the operators are "+operatorList())
	}
	return p.values(t, takes)
}

// values reads those of an operator: none, one, or a list.
func (p *whereParser) values(t Term, takes arity) (Term, error) {
	if takes.most == 0 {
		return t, nil
	}
	open := p.peek()
	if open.kind == wordOpen && takes.most != 1 {
		p.next()
		for {
			if err := p.value(&t); err != nil {
				return t, err
			}
			if w := p.next(); w.kind == wordClose {
				break
			} else if w.kind != wordComma {
				return t, p.fail(w, "a comma or ) is wanted here, not "+w.show(), "")
			}
		}
	} else {
		if err := p.value(&t); err != nil {
			return t, err
		}
		if takes.least == 2 && (p.accept("AND") || p.peek().kind == wordComma && p.next().kind == wordComma) {
			if err := p.value(&t); err != nil {
				return t, err
			}
		}
	}
	if n := len(t.Values); n < takes.least || takes.most > 0 && n > takes.most {
		return t, p.fail(open, fmt.Sprintf("%s takes %d values, here are %d", t.Operator, takes.least, n), "write "+t.Operator+" (A, B)")
	}
	return t, nil
}

func (p *whereParser) value(t *Term) error {
	w := p.next()
	if w.kind != wordText && w.kind != wordQuoted || w.is("AND") || w.is("OR") {
		return p.fail(w, "a value is wanted here, not "+w.show(), "put texts in quotes")
	}
	t.Values = append(t.Values, w.operand())
	return nil
}

// operatorList names the operators for people.
func operatorList() string {
	var names []string
	for name := range operators() {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// And is the filter with one term more; nil and a term are that term.
func (f *Filter) And(t Term) *Filter {
	if f == nil {
		return &Filter{Term: t}
	}
	return &Filter{Join: "AND", Parts: []Filter{*f, {Term: t}}}
}

// Conditions turns the filter into conditions and the expression that joins
// them; values gives the values of a term as the API wants them, the field
// among them.
func (f *Filter) Conditions(term func(Term) (Condition, error)) (where []Condition, expression string, err error) {
	if f == nil {
		return nil, "", nil
	}
	expression, err = f.compile(&where, term)
	return where, expression, err
}

// compile appends the conditions to where and returns the expression. Every
// mixture of AND and OR gets its parentheses: which of them the server lets
// bind closer is not known.
func (f *Filter) compile(where *[]Condition, term func(Term) (Condition, error)) (string, error) {
	if f.Join == "" {
		cond, err := term(f.Term)
		cond.Alias = alias(len(*where))
		*where = append(*where, cond)
		return cond.Alias, err
	}
	var parts []string
	for i := range f.Parts {
		part := &f.Parts[i]
		text, err := part.compile(where, term)
		if err != nil {
			return "", err
		}
		if part.Join != "" && part.Join != f.Join {
			text = "(" + text + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " "+f.Join+" "), nil
}
