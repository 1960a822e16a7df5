package writers

import (
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
)

// The sheets beside the table. readers knows the origin's by its name and its
// first row, and leaves the others alone.
const (
	readMeSheet = "Read me"
	listsSheet  = "_lists"
	originSheet = "_gsbatch"

	originMark    = "gsbatch workbook"
	originVersion = "1"
)

// Book makes of an XLSX table a workbook to be filled in: drop-downs, dates that
// are checked, prompts, locked columns, a sheet to read and one that tells where
// the workbook comes from. Drop-downs take their items from a very hidden sheet:
// in place they could have no commas and 255 characters in all.
type Book struct {
	Rules  map[string]Rule // by the name of the column
	ReadMe []string        // lines of the sheet "Read me"
	Origin Origin
}

// Rule is what a cell of a column may hold.
type Rule struct {
	Title, Prompt string   // shown when a cell is chosen; clipped to 32 and 255 characters
	Items         []string // the drop-down; none: anything
	// By is the column by whose cell a case chooses among the items; where no
	// case fits, or there is no such column, all are offered.
	By    string
	Cases []Case
	// Locked columns cannot be edited; one of them protects the sheet, without a
	// password, and lets all the other columns be edited.
	Locked bool
}

// Case is the items that are offered where the cell of Rule.By says Value.
type Case struct {
	Value string
	Items []string
}

// Origin is what a workbook tells of itself on its very hidden sheet.
type Origin struct {
	Tenant    string
	Object    string // goals
	Purpose   string // create or update
	Picklists string // hash
	Created   time.Time
	IDs       [][3]string // list, item and Gsid
}

func (o *Origin) rows(sheet string) [][]string {
	rows := [][]string{
		{originMark, originVersion}, {"sheet", sheet}, {"object", o.Object}, {"for", o.Purpose}, {"tenant", o.Tenant},
		{"picklists", o.Picklists}, {"created", o.Created.UTC().Format(time.RFC3339)}, {"list", "item", "Gsid"},
	}
	for _, id := range o.IDs {
		rows = append(rows, id[:])
	}
	return rows
}

// rule is that of column i; the zero rule where there is none.
func (t *xlsxTable) rule(i int) Rule {
	if t.fill == nil {
		return Rule{}
	}
	return t.fill.Rules[t.columns[i].Name]
}

func (b *Book) locks(columns []Column) bool {
	for _, c := range columns {
		if b.Rules[c.Name].Locked {
			return true
		}
	}
	return false
}

// fillStyles are the styles of a column of a book: of its cells, and of a time.
type fillStyles struct{ usual, dateTime int }

// dressColumns gives the columns their styles, which hold for rows to be added.
func (t *xlsxTable) dressColumns() error {
	if t.fill == nil {
		return nil
	}
	protected := t.fill.locks(t.columns)
	for i, c := range t.columns {
		var s fillStyles
		usual := map[Kind]string{Text: "@", Date: "yyyy-mm-dd"}[c.Kind]
		for _, style := range []struct {
			id     *int
			format string
		}{{&s.usual, usual}, {&s.dateTime, "yyyy-mm-dd hh:mm:ss"}} {
			made := excelize.Style{Protection: &excelize.Protection{Locked: protected && t.rule(i).Locked}}
			if style.format != "" {
				made.CustomNumFmt = &style.format
			}
			var err error
			if *style.id, err = t.book.NewStyle(&made); err != nil {
				return err
			}
		}
		t.fills = append(t.fills, s)
		if err := t.stream.SetColStyle(i+1, i+1, s.usual); err != nil {
			return err
		}
	}
	return nil
}

// rules adds what belongs to the table's own sheet, before it is flushed.
func (t *xlsxTable) rules() error {
	if t.fill == nil {
		return nil
	}
	lists := &bookLists{book: t.book, columns: t.columns}
	for i := range t.columns {
		if err := t.validation(i, lists); err != nil {
			return err
		}
	}
	if t.fill.locks(t.columns) {
		err := t.book.ProtectSheet(t.sheet, &excelize.SheetProtectionOptions{AutoFilter: true, Sort: true, FormatCells: true, FormatColumns: true,
			FormatRows: true, InsertRows: true, InsertHyperlinks: true, SelectLockedCells: true, SelectUnlockedCells: true, EditObjects: true, EditScenarios: true})
		if err != nil {
			return err
		}
	}
	var readMe [][]string
	for _, line := range t.fill.ReadMe {
		readMe = append(readMe, []string{line})
	}
	return errors.Join(
		t.addSheet(readMeSheet, readMe, true),
		t.addSheet(listsSheet, lists.rows(), false),
		t.addSheet(originSheet, t.fill.Origin.rows(t.sheet), false))
}

// firstDay and lastDay are the serials of the dates that import believes:
// 1970-01-01 and 2199-12-31.
const firstDay, lastDay = 25569, 109574

// validation adds the rule of column i.
func (t *xlsxTable) validation(i int, lists *bookLists) error {
	rule := t.rule(i)
	v := excelize.NewDataValidation(true)
	letter, err := excelize.ColumnNumberToName(i + 1)
	if err != nil {
		return err
	}
	v.SetSqref(fmt.Sprintf("%s2:%s%d", letter, letter, maxSheetRows))
	if rule.Prompt != "" {
		v.SetInput(clip(rule.Title, 32), clip(rule.Prompt, 255))
	}
	switch {
	case len(rule.Items) > 0:
		formula, err := lists.formula(t.columns[i].Name, rule)
		if err != nil {
			return err
		}
		v.SetSqrefDropList(formula)
		v.SetError(excelize.DataValidationErrorStyleStop, "Not in the list", "Take one of the drop-down list, which has what this tenant knows.")
	case t.columns[i].Kind == Date && !rule.Locked:
		if err := v.SetRange(firstDay, lastDay, excelize.DataValidationTypeDate, excelize.DataValidationOperatorBetween); err != nil {
			return err
		}
		v.SetError(excelize.DataValidationErrorStyleStop, "Not a date", "Write a date, as 2026-01-31.")
	case rule.Prompt == "":
		return nil
	}
	return t.book.AddDataValidation(t.sheet, v)
}

// clip cuts a text to n UTF-16 units.
func clip(s string, n int) string {
	at := 0
	for i, r := range s {
		if at += utf16.RuneLen(r); at > n {
			return s[:i]
		}
	}
	return s
}

// addSheet adds a sheet of texts to the book; one that is not seen is very
// hidden: only a program makes it visible.
func (t *xlsxTable) addSheet(name string, rows [][]string, seen bool) error {
	if _, err := t.book.NewSheet(name); err != nil {
		return err
	}
	stream, err := t.book.NewStreamWriter(name)
	if err != nil {
		return err
	}
	style := 0
	if seen {
		if style, err = t.book.NewStyle(&excelize.Style{Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}}); err != nil {
			return err
		}
		if err := stream.SetColWidth(1, 1, 100); err != nil {
			return err
		}
	}
	for i, row := range rows {
		values := make([]any, len(row))
		for j, text := range row {
			if text != "" {
				values[j] = excelize.Cell{StyleID: style, Value: text}
			}
		}
		if err := stream.SetRow("A"+strconv.Itoa(i+1), values); err != nil {
			return err
		}
	}
	if err := stream.Flush(); err != nil || seen {
		return err
	}
	return t.book.SetSheetVisible(name, false, true)
}
