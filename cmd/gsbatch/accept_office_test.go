//go:build unix

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// inOffice is a workbook as LibreOffice has it once it is loaded: its flat XML.
// Tests that want it name its program in GSBATCH_SOFFICE.
func (s *stage) inOffice(name string) string {
	s.Helper()
	program := os.Getenv("GSBATCH_SOFFICE")
	if program == "" {
		s.Skip("not looked at in LibreOffice: GSBATCH_SOFFICE names no program")
	}
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-env:UserInstallation=file://"+s.path("office"), "--headless", "--convert-to", "fods", "--outdir", s.path("seen"), s.path(name))
	if out, err := cmd.CombinedOutput(); err != nil {
		s.Fatalf("%s: %v\n%s", name, err, out)
	}
	text, err := os.ReadFile(s.path("seen/" + strings.TrimSuffix(filepath.Base(name), ".xlsx") + ".fods"))
	if err != nil {
		s.Fatal(err)
	}
	return string(text)
}

// The drop-downs, prompts, dates and locked cells of a workbook are there for
// another spreadsheet program too.
func TestWorkbookInLibreOffice(t *testing.T) {
	s := newStage(t, "")
	s.copySample("id-map.csv")
	s.grow("Seen", 3)
	s.run(0, "workbook", "-o", "new.xlsx", "--id-map", "id-map.csv")
	text := s.inOffice("new.xlsx")
	for _, list := range []string{"list_GoalTypeName", "list_EntityType", "list_CompanyName", "INDIRECT(INDEX(lists_StatusName;"} {
		if !strings.Contains(text, "cell-content-is-in-list("+list) {
			t.Errorf("no drop-down of %s", list)
		}
	}
	for _, words := range []string{"cell-content-is-date()", "COMPANY, RELATIONSHIP, OPPORTUNITY or GLOBAL", "Blue Heron Health", "How to fill in this workbook"} {
		if !strings.Contains(text, words) {
			t.Errorf("no %s", words)
		}
	}
	if strings.Contains(text, `table:protected="true"`) {
		t.Error("a workbook for creates is protected")
	}
	s.run(0, "workbook", "-o", "old.xlsx", "--for", "update")
	text = s.inOffice("old.xlsx")
	if !regexp.MustCompile(`<table:table table:name="Goals"[^>]* table:protected="true"`).MatchString(text) {
		t.Error("a workbook for updates is not protected")
	}
	for _, words := range []string{`style:cell-protect="none"`, `style:cell-protect="protected"`, ">Seen "} {
		if !strings.Contains(text, words) {
			t.Errorf("no %s", words)
		}
	}
}

// The marks of errors.xlsx are there for another spreadsheet program too: a
// fill, and a note that says why.
func TestErrorsInLibreOffice(t *testing.T) {
	s := newStage(t, "")
	s.copySample("goals.xlsx")
	s.edit("goals.xlsx", map[string]any{s.column("goals.xlsx", "Status") + "5": "Ontrack", s.column("goals.xlsx", "Due Date") + "9": "soon"})
	s.run(5, "import", "goals.xlsx", "--report-dir", "out")
	text := s.inOffice("out/errors.xlsx")
	if n := strings.Count(text, "<office:annotation "); n != 2 {
		t.Errorf("%d notes, want 2", n)
	}
	for _, words := range []string{"is not in this tenant; closest: ", "write the date as YYYY-MM-DD", "Ontrack", "_problem"} {
		if !strings.Contains(text, words) {
			t.Errorf("no %s", words)
		}
	}
	if !regexp.MustCompile(`fo:background-color="#ff[0-9a-f]{4}"`).MatchString(text) {
		t.Error("no cell is red")
	}
}
