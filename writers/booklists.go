package writers

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/xuri/excelize/v2"
)

// bookLists gathers the lists of drop-downs as columns of one sheet, each with a
// head and a defined name.
type bookLists struct {
	book    *excelize.File
	columns []Column // of the table
	lists   [][]string
}

// named makes a list the next column, with a defined name for its items.
func (l *bookLists) named(name string, items []string) error {
	if len(items) >= maxSheetRows {
		return fmt.Errorf("%w: a drop-down of %d items", ErrTooLarge, len(items))
	}
	l.lists = append(l.lists, append([]string{name}, items...))
	letter, err := excelize.ColumnNumberToName(len(l.lists))
	if err != nil {
		return err
	}
	return l.book.SetDefinedName(&excelize.DefinedName{Name: name, RefersTo: fmt.Sprintf("%s!$%s$2:$%s$%d", listsSheet, letter, letter, len(items)+1)})
}

// formula is that of the drop-down of a column.
func (l *bookLists) formula(column string, rule Rule) (string, error) {
	by := slices.IndexFunc(l.columns, func(c Column) bool { return c.Name == rule.By })
	if by < 0 || len(rule.Cases) == 0 {
		name := "list_" + column
		return name, l.named(name, rule.Items)
	}
	return l.dependent(column, rule, by)
}

// dependent is the formula of a drop-down that follows the column by: it finds
// the number of the case, from that the name of a list, and so the list. A name
// of the case need thus not be fit for a defined name; what MATCH would take for
// a pattern is escaped. MATCH finds no text of over 255 characters: all items
// are offered then. The formula itself must stay below 255 characters.
func (l *bookLists) dependent(column string, rule Rule, by int) (string, error) {
	all := "list_" + column
	values, names := []string{}, []string{all}
	if err := l.named(all, rule.Items); err != nil {
		return "", err
	}
	for _, c := range rule.Cases {
		if len(c.Items) == 0 {
			continue
		}
		name := all + "_" + strconv.Itoa(len(names))
		values, names = append(values, c.Value), append(names, name)
		if err := l.named(name, c.Items); err != nil {
			return "", err
		}
	}
	if len(values) == 0 {
		return all, nil
	}
	if err := errors.Join(l.named("cases_"+column, values), l.named("lists_"+column, names)); err != nil {
		return "", err
	}
	cell, err := excelize.ColumnNumberToName(by + 1)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`INDIRECT(INDEX(lists_%s,1+IFERROR(MATCH(SUBSTITUTE(SUBSTITUTE(SUBSTITUTE($%s2,"~","~~"),"*","~*"),"?","~?"),cases_%s,0),0)))`,
		column, cell, column), nil
}

// rows are those of the sheet of lists.
func (l *bookLists) rows() [][]string {
	longest := 0
	for _, list := range l.lists {
		longest = max(longest, len(list))
	}
	rows := make([][]string, longest)
	for i := range rows {
		rows[i] = make([]string, len(l.lists))
		for j, list := range l.lists {
			if i < len(list) {
				rows[i][j] = list[i]
			}
		}
	}
	return rows
}
