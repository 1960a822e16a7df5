package validate

import (
	"cmp"
	"slices"
	"strings"

	"gsbatch/readers"
)

// maxTexts bounds the different texts that are kept of a column, maxText the
// length of one in bytes: longer ones are no names.
const (
	maxTexts = 200
	maxText  = 255
)

// tally counts the different texts of a column, as names are compared. It keeps
// the first maxTexts of them.
type tally struct {
	index  map[string]int // by folded text
	texts  []ValueProposal
	more   int  // rows of other texts
	dates  bool // every text so far is a date
	cells  int  // that are not blank
	folded []byte
}

// add counts a cell. Blank and broken ones say nothing.
func (t *tally) add(cell readers.Cell) {
	text := trim(cell.Text)
	if text == "" || cell.Kind == readers.ErrorValue || excelError(text) {
		return
	}
	t.dates = (t.cells == 0 || t.dates) && looksDated(cell, text)
	t.cells++
	if len(text) > maxText {
		t.more++
		return
	}
	t.folded = AppendFold(t.folded[:0], text)
	if i, ok := t.index[string(t.folded)]; ok {
		t.texts[i].Rows++
		return
	}
	if len(t.texts) == maxTexts {
		t.more++
		return
	}
	if t.index == nil {
		t.index = map[string]int{}
	}
	t.index[string(t.folded)] = len(t.texts)
	t.texts = append(t.texts, ValueProposal{Text: strings.Clone(text), Rows: 1})
}

// looksDated reports whether a cell is a date in any order of its parts.
func looksDated(cell readers.Cell, text string) bool {
	if cell.Kind == readers.Date {
		return true
	}
	if _, ok := isoDate(text); ok {
		return true
	}
	if len(text) > 64 {
		return false
	}
	text, _, ok := cutTime(text)
	if !ok {
		return false
	}
	parts, ok := cutDate(text)
	if !ok {
		return false
	}
	return parts.name >= 0 || parts.numeric()
}

func (t *tally) samples() []string {
	list := []string{}
	for _, v := range t.texts[:min(3, len(t.texts))] {
		list = append(list, shorten(v.Text))
	}
	return list
}

func (t *tally) all(ok func(text string) bool) bool {
	return !slices.ContainsFunc(t.texts, func(v ValueProposal) bool { return !ok(v.Text) })
}

// values are the kept texts with what they mean, most frequent first.
func (t *tally) values(n *names) []ValueProposal {
	list := slices.Clone(t.texts)
	for i := range list {
		list[i].Value, list[i].Confidence = n.propose(list[i].Text)
	}
	slices.SortStableFunc(list, func(a, b ValueProposal) int { return cmp.Compare(b.Rows, a.Rows) })
	return list
}
