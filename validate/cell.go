package validate

import (
	"strconv"
	"strings"
	"time"

	"gsbatch/readers"
)

// plain is the text of the source in a row after its value map, without any
// complaint; ok is false for blank and broken cells.
func (s *source) plain(row readers.Row) (string, bool) {
	cell := s.cell(row)
	text := trim(cell.Text)
	if text == "" || cell.Kind == readers.ErrorValue || excelError(text) || s.clear != "" && text == s.clear {
		return "", false
	}
	if s.rule != nil && s.rule.Values != nil {
		if to, ok := s.rule.Values[fold(text)]; ok {
			text = trim(to)
		} else if s.rule.Default != "" {
			text = trim(s.rule.Default)
		}
	}
	return text, text != "" && text != Unsure
}

// cell is the cell of the source, or its constant as a cell.
func (s *source) cell(row readers.Row) readers.Cell {
	if s.index < 0 {
		return readers.Cell{Text: s.constant}
	}
	if s.index >= len(row.Cells) {
		return readers.Cell{Kind: readers.Blank}
	}
	return row.Cells[s.index]
}

// read gives the cell of a source after the rules of its column: broken
// formulas, blank cells, clear token and value map. A source of nil is absent.
func (w *work) read(s *source) (readers.Cell, state) {
	if s == nil {
		return readers.Cell{}, absent
	}
	cell := s.cell(w.row)
	text := trim(cell.Text)
	switch {
	case cell.Kind == readers.NoValue:
		w.problem(s, "", "formula-without-value", s.api+" has a formula whose value was not saved", "open the workbook in a spreadsheet and save it, or write the value")
		return cell, bad
	case cell.Kind == readers.ErrorValue || text != "" && text[0] == '#' && excelError(text):
		w.problem(s, text, "excel-error", s.api+" has the Excel error value "+text, "mend the formula, or clear the cell")
		return cell, bad
	case text == "":
		return w.blank(s)
	case s.clear != "" && text == s.clear:
		return cell, cleared
	case s.rule != nil && s.rule.Values != nil:
		return w.mapped(s, cell, text)
	}
	return cell, present
}

// blank decides about a blank cell.
func (w *work) blank(s *source) (readers.Cell, state) {
	if s.rule != nil && s.rule.OnBlank == "default" {
		return readers.Cell{Text: s.rule.Default}, present
	}
	if s.blank {
		w.problem(s, "", "blank", s.api+" is blank", "fill in the cell; blank cells were declared an error")
		return readers.Cell{}, bad
	}
	return readers.Cell{}, absent
}

// mapped applies the value map of a column.
func (w *work) mapped(s *source, cell readers.Cell, text string) (readers.Cell, state) {
	w.buf = AppendFold(w.buf[:0], text)
	to, ok := s.rule.Values[string(w.buf)]
	switch {
	case ok && to == Unsure:
		w.problem(s, text, "unsure-value", s.api+" "+quote(text)+" is mapped to ?, which nobody decided yet", "decide it in the mapping ("+s.rule.Undecided[string(w.buf)]+"): "+mapSnippet(s, text, "…"))
		return cell, bad
	case ok && trim(to) == "":
		return w.blank(s)
	case ok:
		return readers.Cell{Text: to}, present
	case s.rule.Default != "":
		return readers.Cell{Text: s.rule.Default}, present
	case s.rule.Otherwise == "blank":
		return w.blank(s)
	case s.rule.Otherwise == "error":
		w.problem(s, text, "unmapped-value", s.api+" "+quote(text)+" is not in the value map of its column", "add it: "+mapSnippet(s, text, "…"))
		return cell, bad
	}
	return cell, present
}

// mapSnippet is the mapping that turns one text of a column into a value, in
// one line that can be pasted under columns.
func mapSnippet(s *source, from, to string) string {
	header := s.header
	if header == "" {
		header = s.api
	}
	return yamlQuote(header) + ": {field: " + s.api + ", values: {" + yamlQuote(shorten(from)) + ": " + yamlQuote(to) + "}}"
}

// yamlQuote is s as a double-quoted YAML scalar.
func yamlQuote(s string) string { return strconv.Quote(s) }

// line is the text of a cell for a field of one line of text: numbers as Excel
// shows them. It tells what is wrong itself.
func (w *work) line(s *source, cell readers.Cell) (string, state) {
	switch cell.Kind {
	case readers.List:
		w.problem(s, cell.Text, "list", s.api+" takes one value, the cell has a list", "give one value")
		return "", bad
	case readers.Number:
		if destroyedDigits(cell.Text) {
			w.destroyed(s, cell.Text)
			return "", bad
		}
		if n, ok := cellNumber(cell.Text); ok {
			return n, present
		}
	}
	return cell.Text, present
}

func (w *work) destroyed(s *source, text string) {
	if w.table.Format() == readers.JSONL {
		w.problem(s, text, "digits-lost", s.api+" "+quote(text)+" is a number of more than 15 digits, which is not kept exactly", "write it as a JSON string")
		return
	}
	w.problem(s, text, "digits-lost", s.api+" "+quote(text)+" is a number of more than 15 digits; Excel keeps 15, so its last digits are not those that were typed", "enter the value anew, as text")
}

// reference reads a cell that holds one Gsid. prefix is what it should begin
// with, "" if that is not known.
func (w *work) reference(s *source, label, prefix string) (string, state) {
	cell, st := w.read(s)
	if st != present {
		return "", st
	}
	text, st := w.line(s, cell)
	if st != present {
		return "", st
	}
	return w.gsidText(s, label, prefix, trim(text))
}

// gsidText checks the shape of a Gsid.
func (w *work) gsidText(s *source, label, prefix, text string) (string, state) {
	if why, mend := gsidFault(text); why != "" {
		if len(text) != gsidLength && strings.HasSuffix(label, "Id") {
			mend += "; a name goes into a column without Id in its header"
		}
		w.problem(s, text, "bad-gsid", label+" "+quote(text)+" "+why, mend)
		return "", bad
	}
	if prefix != "" && text[:len(prefix)] != prefix {
		if looks := gsidLooks(text); looks != "" {
			w.warn(s, text, "gsid-prefix", label+" "+quote(text)+" looks like "+looks, "check that the right column was taken")
		}
	}
	return text, present
}

// epochMillis reads epoch milliseconds, or a date with a time, in UTC where it
// names no zone.
func epochMillis(s string) (int64, bool) {
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return int64(f), f >= 1e11 && f < 1e13
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UnixMilli(), true
		}
	}
	return 0, false
}
