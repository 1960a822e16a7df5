package readers

import (
	"errors"
	"fmt"
	"io"
)

// jsonTable is the JSONL file of a Table.
type jsonTable struct {
	table   *Table
	text    *text
	heading *heading
	columns map[string]int // raw key to header column
}

// openJSONL reads all objects once, so that the header has every key and each
// line is known to be an object that makes a row.
func openJSONL(t *Table, o Options) error {
	text, err := openText(t.source, o.Encoding)
	if err != nil {
		return err
	}
	j := &jsonTable{table: t, text: text, columns: make(map[string]int)}
	if err := j.readKeys(); err != nil {
		return err
	}
	t.body, t.heading, t.text = j, j.heading, text
	return nil
}

func (j *jsonTable) scanner() (*jsonScanner, error) {
	in, err := j.text.reader()
	if err != nil {
		return nil, err
	}
	return newJSONScanner(in, j.text.source.name, j.table.limits), nil
}

func (j *jsonTable) readKeys() error {
	s, err := j.scanner()
	if err != nil {
		return err
	}
	var keys []string
	var places []Place
	order := keyOrder{columns: j.columns}
	for {
		err := s.next(j.table.limits.Columns)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return j.text.source.readError(err)
		}
		order.begin(len(keys))
		for _, m := range s.members {
			raw := s.scratch[m.key.from:m.key.to]
			column, ok := order.find(raw)
			if !ok {
				if isBlank(raw) || len(keys) == j.table.limits.Columns {
					return s.wrong(m.keyAt, "key "+quote(string(raw))+" is blank, or one too many", "name each value")
				}
				column = len(keys)
				j.columns[string(raw)] = column
				keys, places = append(keys, string(raw)), append(places, s.place(m.keyAt))
			}
			if order.again(column) {
				return s.wrong(m.keyAt, "key "+quote(string(raw))+" stands twice in this object", "leave one of them out")
			}
		}
	}
	if s.line == 0 || len(keys) == 0 {
		return &Error{Place: j.text.source.whole(), What: "is empty", Mend: "write one JSON object a line", Err: ErrNotTable}
	}
	j.heading, err = newHeading(keys, func(i int) Place { return places[i] })
	return err
}

// keyOrder finds the columns of an object's keys. Objects mostly have their
// keys in one order, so the key after the last found is tried first.
type keyOrder struct {
	columns map[string]int
	names   []string // keys by place in the object before
	at      []int    // their columns
	next    int
	round   int
	used    []int // for each column the round in which it was used last
}

func (o *keyOrder) begin(columns int) {
	o.next = 0
	o.round++
	for len(o.used) < columns {
		o.used = append(o.used, 0)
	}
}

func (o *keyOrder) find(raw []byte) (int, bool) {
	i := o.next
	o.next++
	if i < len(o.names) && o.names[i] == string(raw) {
		return o.at[i], true
	}
	column, ok := o.columns[string(raw)]
	if ok {
		if i >= len(o.names) {
			o.names, o.at = append(o.names, ""), append(o.at, 0)
			i = len(o.names) - 1
		}
		o.names[i], o.at[i] = string(raw), column
	}
	return column, ok
}

// again marks column as used in this object and says whether it was already.
func (o *keyOrder) again(column int) bool {
	for len(o.used) <= column {
		o.used = append(o.used, 0)
	}
	was := o.used[column] == o.round
	o.used[column] = o.round
	return was
}

// each yields a row an object.
func (j *jsonTable) each(yield func(Row, error) bool) (seen tally, err error) {
	s, err := j.scanner()
	if err != nil {
		return seen, err
	}
	places := &jsonPlaces{scanner: s, at: make([]int, len(j.heading.names))}
	var texts rowTexts
	row := Row{Cells: make([]Cell, len(j.heading.names)), place: placer{table: j.table, fields: places}}
	order := keyOrder{columns: j.columns}
	for {
		err := s.next(j.table.limits.Columns)
		if errors.Is(err, io.EOF) {
			seen.whole = true
			return seen, nil
		}
		if err != nil {
			return seen, j.text.source.readError(err)
		}
		order.begin(0)
		if err := fillObject(&row, s, &order, places, &texts); err != nil {
			return seen, err
		}
		if err := seen.row(j.table, s.line, Place{File: s.file, Line: s.line}); err != nil {
			return seen, err
		}
		if !yield(row, nil) {
			return seen, nil
		}
	}
}

// fillObject makes a row of the object that s read last.
func fillObject(row *Row, s *jsonScanner, order *keyOrder, places *jsonPlaces, texts *rowTexts) error {
	row.Line, row.place.line, row.place.serial = s.line, s.line, s.line
	for i := range row.Cells {
		row.Cells[i] = Cell{Kind: Blank}
		places.at[i] = -1
	}
	text := texts.add(s.scratch)
	for _, m := range s.members {
		column, ok := order.find(s.scratch[m.key.from:m.key.to])
		if !ok || order.again(column) {
			return s.wrong(m.keyAt, fmt.Sprintf("key %s was not there before", quote(text[m.key.from:m.key.to])), "do not change the file while it is read")
		}
		row.Cells[column] = Cell{Text: text[m.value.from:m.value.to], Kind: m.kind}
		places.at[column] = m.valueAt
	}
	return nil
}

// jsonPlaces knows the offsets of the values of the object read last.
type jsonPlaces struct {
	scanner *jsonScanner
	at      []int // by header column; -1 where the object has no such key
}

func (p *jsonPlaces) locate(serial, i int) (position, bool) {
	if serial != p.scanner.line || i >= len(p.at) || p.at[i] < 0 {
		return position{}, false
	}
	return position{serial, p.at[i] + 1}, true
}
