package writers

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

// benchTable are the columns and some rows of an export of goals, about 430
// bytes a row.
func benchTable() ([]Column, [][]string) {
	columns := Columns("Name", "StatusName", "GoalTypeName", "EntityType", "CompanyName", "DueDate", "Description", "CTA", "SP", "Owner__gc", "Region__gc", "Notes__gc")
	columns[5].Kind = Date
	rows := make([][]string, 1000)
	for i := range rows {
		rows[i] = []string{
			fmt.Sprintf("Goal %07d of the year", i), "On Track", "Default", "COMPANY", fmt.Sprintf("Company Number %d Ltd", i), fmt.Sprintf("2026-%02d-%02d", 1+i%12, 1+i%28),
			fmt.Sprintf("Raise the weekly active users from %d to %d; see the plan of the quarter and the notes of the last review,\nwith what the team promised to the customer", i, i+10),
			"1S010R2NEBJLG2RT8IP6XWLYWZDDAVCXEK5J", "1S02J57N1K69N1VBJKLIBNH5YIJBBWEUOK4B", fmt.Sprintf("owner%d@example.com", i%500), "EMEA",
			"the quick brown fox jumps over the lazy dog and goes on to fill up this last column",
		}
	}
	return columns, rows
}

// BenchmarkExport writes files; a row is an operation.
func BenchmarkExport(b *testing.B) {
	columns, rows := benchTable()
	for _, name := range []string{"a.csv", "a.xlsx"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			table, err := NewTable(filepath.Join(b.TempDir(), name), columns, TableOptions{})
			if err != nil {
				b.Fatal(err)
			}
			for i := range min(b.N, maxSheetRows-1) {
				if err := table.Write(rows[i%len(rows)]); err != nil {
					b.Fatal(err)
				}
			}
			if err := table.Commit(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func BenchmarkEncodingCSV(b *testing.B) {
	columns, rows := benchTable()
	b.ReportAllocs()
	f, err := os.Create(filepath.Join(b.TempDir(), "a.csv"))
	if err != nil {
		b.Fatal(err)
	}
	buffered := bufio.NewWriterSize(f, 256<<10)
	w := csv.NewWriter(buffered)
	w.UseCRLF = true
	header := make([]string, len(columns))
	for i, c := range columns {
		header[i] = c.Name
	}
	err = w.Write(header)
	for i := 0; i < b.N && err == nil; i++ {
		err = w.Write(rows[i%len(rows)])
	}
	w.Flush()
	if err := errors.Join(err, w.Error(), buffered.Flush(), f.Sync(), f.Close()); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkExcelizeStream(b *testing.B) {
	columns, rows := benchTable()
	b.ReportAllocs()
	book := excelize.NewFile(excelize.Options{TmpDir: b.TempDir()})
	w, err := book.NewStreamWriter("Sheet1")
	if err != nil {
		b.Fatal(err)
	}
	values := make([]any, len(columns))
	for i := range min(b.N, maxSheetRows) {
		for j, cell := range rows[i%len(rows)] {
			if values[j] = cell; columns[j].Kind == Date {
				if values[j], err = time.Parse("2006-01-02", cell); err != nil {
					b.Fatal(err)
				}
			}
		}
		if err := w.SetRow(fmt.Sprintf("A%d", i+1), values); err != nil {
			b.Fatal(err)
		}
	}
	if err := errors.Join(w.Flush(), book.SaveAs(filepath.Join(b.TempDir(), "a.xlsx")), book.Close()); err != nil {
		b.Fatal(err)
	}
}
