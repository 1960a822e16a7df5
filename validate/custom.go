package validate

import (
	"strings"

	"gsbatch/gainsight"
	"gsbatch/readers"
)

// custom reads a custom field. Without a declared type the kind of the cell
// decides: text goes as a string, a number as a number, a boolean as a boolean,
// a date as YYYY-MM-DD, with its time where it has one.
func (w *work) custom(b *binding) {
	s := b.sources[byID]
	cell, st := w.read(s)
	switch {
	case st == cleared:
		w.clear(b, s)
	case st != present:
	case b.lookup >= 0:
		w.customLookup(b, s, cell)
	case b.typ == "number":
		w.customNumber(b, s, cell)
	case b.typ == "bool":
		w.customBool(b, s, cell)
	case b.typ == "date":
		if iso, ok := w.dateOf(s, b.field.id, cell); ok {
			w.put(b.field.id, gainsight.String(iso))
		}
	default:
		w.customText(b, s, cell)
	}
}

// customText sends the text of a cell, or, where no type was declared, what the
// cell is in its file.
func (w *work) customText(b *binding, s *source, cell readers.Cell) {
	undeclared := b.typ == ""
	switch {
	case cell.Kind == readers.Percent && undeclared:
		w.problem(s, cell.Text, "percent", b.field.id+" "+quote(cell.Text)+" is a percentage, which may be meant as text or as a number", "declare its type in a mapping: "+typeSnippet(s, "number"))
		return
	case cell.Kind == readers.Bool && undeclared:
		w.put(b.field.id, gainsight.Bool(strings.EqualFold(cell.Text, "true")))
		return
	case cell.Kind == readers.Date && undeclared:
		w.put(b.field.id, gainsight.String(strings.TrimSuffix(cell.Text, "T00:00:00")))
		return
	case cell.Kind == readers.List:
		w.put(b.field.id, gainsight.String(cell.Text))
		return
	}
	text, st := w.line(s, cell)
	if st != present {
		return
	}
	if cell.Kind == readers.Number && undeclared {
		w.put(b.field.id, gainsight.Number(text))
		return
	}
	if odd, hidden := oddities(text); odd != "" || hidden != "" {
		w.warn(s, text, "hidden-character", b.field.id+" "+quote(text)+" contains "+odd+hidden, "type the text anew")
	}
	w.put(b.field.id, gainsight.String(text))
}

// typeSnippet is the mapping that declares the type of a custom field.
func typeSnippet(s *source, typ string) string {
	return "columns: {" + yamlQuote(s.header) + ": {field: " + s.api + ", type: " + typ + "}}"
}

func (w *work) customNumber(b *binding, s *source, cell readers.Cell) {
	if cell.Kind == readers.Number && destroyedDigits(cell.Text) {
		w.destroyed(s, cell.Text)
		return
	}
	n, code, why := w.number(s, cell, "")
	if code != "" {
		w.problem(s, cell.Text, code, b.field.id+" "+quote(cell.Text)+" "+why, "write the number with a decimal point and without separators")
		return
	}
	w.put(b.field.id, gainsight.Number(n))
}

func (w *work) customBool(b *binding, s *source, cell readers.Cell) {
	yes, ok := truth(cell.Text)
	if !ok {
		w.problem(s, cell.Text, "not-a-bool", b.field.id+" "+quote(cell.Text)+" is neither yes nor no", "write TRUE or FALSE")
		return
	}
	w.put(b.field.id, gainsight.Bool(yes))
}

// customLookup sends the id that a cell holds or that the id map knows, or else
// the name for the server to look up.
func (w *work) customLookup(b *binding, s *source, cell readers.Cell) {
	text, st := w.line(s, cell)
	if st != present {
		return
	}
	text = trim(text)
	if isGsid(text) {
		w.put(b.field.id, gainsight.String(text))
		return
	}
	if b.object != "" {
		id, fault := w.knownID(b.object, text)
		if fault != nil {
			w.nameProblem(s, text, b.object, fault)
			return
		}
		if id != "" {
			w.put(b.field.id, gainsight.String(id))
			return
		}
	}
	l := &w.lookups[b.lookup]
	w.put(l.Key, gainsight.String(text))
	w.useLookup(b.lookup, l.ObjectName, text)
}

// nameProblem tells that a name is unknown or ambiguous.
func (w *work) nameProblem(s *source, text, noun string, f *nameFault) {
	mend := f.mend
	if strings.Contains(mend, "map the value") {
		to := f.closest
		if to == "" {
			to = "…"
		}
		mend += " under columns: " + mapSnippet(s, text, to)
	}
	w.problem(s, text, f.code+strings.ReplaceAll(noun, " ", "-"), f.message, mend)
	w.problems[len(w.problems)-1].Closest = f.closest
}
