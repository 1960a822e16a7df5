package writers

import (
	"io"
	"path"
	"strconv"
	"strings"
)

// bookTable is a table (list object) of the marked sheet.
type bookTable struct {
	part  string
	area  area
	grows bool // columns can be added to it
	ids   int  // largest id of its columns
	count int
}

// findTables reads the tables of the sheet.
func (m *marker) findTables(relations []partRelation) error {
	for _, r := range related(relations, "table") {
		t := bookTable{part: r.target}
		err := m.parts.read(r.target, func(x *rawScanner) error {
			switch {
			case x.opens("table"):
				t.area, t.grows = parseArea(x.attr("ref"))
				t.grows = t.grows && (x.attr("tableType") == "" || x.attr("tableType") == "worksheet") && intAttr(x, "headerRowCount", 1) == 1
			case x.opens("tableColumn"):
				t.ids = max(t.ids, intAttr(x, "id", 0))
				t.count++
			}
			return nil
		})
		if err != nil {
			return err
		}
		m.tables = append(m.tables, t)
	}
	return nil
}

// writeTable copies a table that grows by the new columns.
func (m *marker) writeTable(w io.Writer, t *bookTable) error {
	n := len(m.layout.names)
	return m.parts.rewrite(w, t.part, func(x *rawScanner) (bool, error) {
		switch {
		case x.opens("table"), x.opens("autoFilter"):
			a, ok := parseArea(x.attr("ref"))
			if !ok {
				return false, nil
			}
			a.right = m.layout.last()
			_, err := w.Write(setAttr(x.raw, "ref", a.String()))
			return true, err
		case x.opens("tableColumns"):
			_, err := w.Write(setAttr(x.raw, "count", strconv.Itoa(t.count+n)))
			return true, err
		case x.closes("tableColumns"):
			for i, name := range m.layout.names {
				tag := "<" + x.prefix + `tableColumn id="` + strconv.Itoa(t.ids+1+i) + `" name="` + escape(name) + `"/>`
				if _, err := io.WriteString(w, tag); err != nil {
					return false, err
				}
			}
		}
		return false, nil
	})
}

// writeBook copies the workbook part; the hidden name of the sheet's filter
// follows the filter.
func (m *marker) writeBook(w io.Writer) error {
	inName := false
	return m.parts.rewrite(w, m.parts.book, func(x *rawScanner) (bool, error) {
		switch {
		case x.opens("definedName"):
			inName = x.kind == rawStart && m.layout.filter != "" && x.attr("name") == "_xlnm._FilterDatabase" &&
				x.attr("localSheetId") == strconv.Itoa(m.parts.index)
		case x.closes("definedName"):
			inName = false
		case inName && x.kind == rawText:
			a, _ := parseArea(m.layout.filter)
			sheet := "'" + strings.ReplaceAll(m.options.Sheet, "'", "''") + "'!"
			_, err := io.WriteString(w, escape(sheet+absolute(a.top, a.left)+":"+absolute(a.bottom, a.right)))
			return true, err
		}
		return false, nil
	})
}

func absolute(row, column int) string { return "$" + columnLetters(column) + "$" + strconv.Itoa(row) }

// writeRelations copies the sheet's relationships with those of its comments.
func (m *marker) writeRelations(w io.Writer) error {
	return m.addElements(w, relationsName(m.parts.sheet), "Relationships", m.notes.relations())
}

// writeBookRelations is for a workbook that had no styles.
func (m *marker) writeBookRelations(w io.Writer) error {
	relations, err := m.parts.relations(m.parts.book)
	if err != nil {
		return err
	}
	return m.addElements(w, relationsName(m.parts.book), "Relationships", newRelation(freeID(relations), "styles", madeStyles))
}

// addElements copies a part with elements added to the end of its root.
func (m *marker) addElements(w io.Writer, part, root, elements string) error {
	return m.parts.rewrite(w, part, func(x *rawScanner) (bool, error) {
		switch {
		case x.kind == rawEmpty && x.name == root:
			open := strings.TrimSuffix(strings.TrimRight(string(x.raw), ">"), "/") + ">"
			_, err := io.WriteString(w, open+withPrefix(elements, x.prefix)+"</"+x.prefix+root+">")
			return true, err
		case x.closes(root):
			_, err := io.WriteString(w, withPrefix(elements, x.prefix))
			return false, err
		}
		return false, nil
	})
}

// writeTypes copies the list of content types with those of new parts. A
// template becomes a workbook, as its name says.
func (m *marker) writeTypes(w io.Writer) error {
	added, vml, known := "", false, map[string]bool{}
	err := m.parts.read("[Content_Types].xml", func(x *rawScanner) error {
		vml = vml || x.opens("Default") && strings.EqualFold(x.attr("Extension"), "vml")
		if x.opens("Override") {
			known[partKey(x.attr("PartName"))] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	override := func(part, kind string) {
		if !known[partKey(part)] {
			added += `<Override PartName="/` + escape(part) + `" ContentType="` + kind + `"/>`
		}
	}
	if !vml {
		if path.Ext(m.notes.drawing) == ".vml" {
			added += `<Default Extension="vml" ContentType="` + drawingType + `"/>`
		}
	}
	override(m.notes.part, commentsType)
	if m.stylePart == "" {
		override(madeStyles, stylesType)
	}
	return m.parts.rewrite(w, "[Content_Types].xml", func(x *rawScanner) (bool, error) {
		switch {
		case x.opens("Override") && strings.Contains(x.attr("ContentType"), ".template."):
			_, err := w.Write(setAttr(x.raw, "ContentType", strings.Replace(x.attr("ContentType"), ".template.", ".sheet.", 1)))
			return true, err
		case x.closes("Types"):
			_, err := io.WriteString(w, withPrefix(added, x.prefix))
			return false, err
		}
		return false, nil
	})
}
