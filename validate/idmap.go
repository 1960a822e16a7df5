package validate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"gsbatch/readers"
)

// IDMap knows the Gsids of companies, relationships and other records by name.
// The zero value is empty and ready for Learn.
type IDMap struct {
	objects map[string]*objectIDs // by object in lower case
}

// objectIDs are the records of one object.
type objectIDs struct {
	byName  map[string]string // folded name → Gsid
	byGsid  map[string]string // Gsid → the first of its names, as written
	rivals  map[string]string // folded name → a second Gsid of that name
	listed  bool              // an id-map file has this object: a name that it lacks is a problem
	names   []string          // as written, for the nearest
	spell   *speller
	advices map[string]string
}

// ReadIDMap reads an id-map file: a CSV, XLSX or JSONL table of the columns
// Object, Name and Gsid. Names are compared without regard to case and outer
// blanks; a name with two Gsids is refused where it is used.
func ReadIDMap(ctx context.Context, path string) (*IDMap, error) {
	t, err := readers.Open(ctx, path, readers.Options{})
	if err != nil {
		return nil, fmt.Errorf("id map: %w", err)
	}
	defer t.Close() //nolint:errcheck // opened for reading only
	columns, err := idMapColumns(t)
	if err != nil {
		return nil, err
	}
	m := &IDMap{}
	for row, err := range t.Rows() {
		if err != nil {
			return nil, fmt.Errorf("id map: %w", err)
		}
		if err := m.addRow(row, columns); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// idMapColumns finds the three columns of an id map.
func idMapColumns(t *readers.Table) ([3]int, error) {
	want := [3]string{"Object", "Name", "Gsid"}
	columns := [3]int{-1, -1, -1}
	for i, h := range t.Header() {
		for j, w := range want {
			if headerKey(h) != headerKey(w) {
				continue
			}
			if columns[j] >= 0 {
				return columns, fmt.Errorf("id map %s: two columns %s; leave one out", t.HeaderPlace(i), w)
			}
			columns[j] = i
		}
	}
	for j, w := range want {
		if columns[j] < 0 {
			return columns, fmt.Errorf("id map %s: no column %s; an id map has the columns Object, Name and Gsid, this file has %s", t.Name(), w, sample(t.Header(), 8))
		}
	}
	return columns, nil
}

// addRow takes in one row. Blank rows are passed over, half-filled ones are errors.
func (m *IDMap) addRow(row readers.Row, columns [3]int) error {
	object, name, gsid := trim(row.Cells[columns[0]].Text), trim(row.Cells[columns[1]].Text), trim(row.Cells[columns[2]].Text)
	switch {
	case object == "" && name == "" && gsid == "":
		return nil
	case object == "" || name == "" || gsid == "":
		return fmt.Errorf("id map %s: Object, Name and Gsid must all be filled", row.Place(-1))
	case isGsid(name):
		return fmt.Errorf("id map %s: the name %q is a Gsid; are Name and Gsid swapped?", row.Place(columns[1]), name)
	}
	if why, mend := gsidFault(gsid); why != "" {
		return fmt.Errorf("id map %s: Gsid %s %s; %s", row.Place(columns[2]), quote(gsid), why, mend)
	}
	o := m.object(object)
	o.listed = true
	o.add(name, gsid)
	return nil
}

// Learn adds the Gsid of a record that a tenant made known, for instance in the
// answer to a create. Unlike the rows of a file, it does not make other names unknown.
func (m *IDMap) Learn(object, name, gsid string) { m.object(object).add(name, gsid) }

// Listed is the names of an object's records in the id-map file with their
// Gsids, by name; those that a cell cannot say for certain are left out.
func (m *IDMap) Listed(object string) (named [][2]string) {
	o := m.objects[objectKey(object)]
	if o == nil || !o.listed {
		return nil
	}
	for _, name := range o.names {
		key := fold(name)
		if odd, _ := oddities(name); odd == "" && !excelError(trim(name)) && o.rivals[key] == "" {
			named = append(named, [2]string{name, o.byName[key]})
		}
	}
	slices.SortFunc(named, func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a[0]), strings.ToLower(b[0])), cmp.Compare(a[0], b[0]))
	})
	return named
}

// object returns the records of an object, company for Company and companies.
func (m *IDMap) object(name string) *objectIDs {
	name = objectKey(name)
	if m.objects == nil {
		m.objects = map[string]*objectIDs{}
	}
	o := m.objects[name]
	if o == nil {
		o = &objectIDs{byName: map[string]string{}, byGsid: map[string]string{}, rivals: map[string]string{}, advices: map[string]string{}}
		m.objects[name] = o
	}
	return o
}

// objectKey is the name of an object in lower case and in the singular.
func objectKey(name string) string {
	name = headerKey(name)
	if s, ok := strings.CutSuffix(name, "ies"); ok {
		return s + "y"
	}
	return strings.TrimSuffix(name, "s")
}

func (o *objectIDs) add(name, gsid string) {
	key := fold(name)
	gsid = strings.Clone(gsid)
	if _, named := o.byGsid[gsid]; !named {
		o.byGsid[gsid] = strings.Clone(name)
	}
	switch known, ok := o.byName[key]; {
	case !ok:
		o.byName[key] = gsid
		o.names = append(o.names, strings.Clone(name))
		o.spell = nil
	case known != gsid:
		o.rivals[key] = gsid
	}
}

// knows reports whether the map has names of an object.
func (m *IDMap) knows(object string) bool { return m != nil && m.objects[object] != nil }

// find returns the Gsid of a name; "" and no fault where the map does not know
// the name and need not. buf is scratch space.
func (m *IDMap) find(object, name string, buf []byte) (string, *nameFault) {
	id, ok := m.lookup(object, name, buf)
	if ok {
		return id, nil
	}
	o := m.objects[object]
	if rival := o.rivals[fold(name)]; rival != "" {
		return "", &nameFault{code: "ambiguous-", message: object + " " + quote(name) + " is the name of " + id + " and " + rival + " in the id map", mend: "give the Gsid that is meant in the Id column"}
	}
	f := &nameFault{code: "unknown-", closest: o.nearest(name), message: object + " " + quote(name) + " is not in the id map", mend: "add it to the id map, or map the value"}
	if f.closest != "" {
		f.message += "; closest: " + quote(f.closest)
	}
	return "", f
}

// lookup returns the Gsid of a name, "" where the map does not know the name.
// Not ok is a name that must not be used: a rival's, or one of an object whose
// names are all known.
func (m *IDMap) lookup(object, name string, buf []byte) (id string, ok bool) {
	if m == nil {
		return "", true
	}
	o := m.objects[object]
	if o == nil {
		return "", true
	}
	buf = AppendFold(buf[:0], name)
	id, ok = o.byName[string(buf)]
	return id, (ok || !o.listed) && o.rivals[string(buf)] == ""
}

// maxNearest is how many wrong names are compared with a whole id map; with
// 100,000 companies one comparison takes milliseconds.
const maxNearest = 500

func (o *objectIDs) nearest(name string) string {
	if near, ok := o.advices[name]; ok || len(o.advices) >= maxNearest {
		return near
	}
	if o.spell == nil {
		o.spell = newSpeller(o.names)
	}
	near := o.spell.nearest(name)
	o.advices[strings.Clone(name)] = near
	return near
}
