//go:build unix

package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func TestMapProposesAndImportTakesIt(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.writeCSV("g.csv", []string{"Goal name", "Statsu", "Company", "When"}, [][]string{
		{"Ahead", "ontrack", "IBM", "2027-01-02"},
		{"Behind", "Acheived", "IBM", "2027-01-03"},
		{"Beside", "Banana", "IBM", "2027-01-04"},
		{"Beyond", "Banana", "IBM", "2027-01-05"},
	})
	r := s.run(0, "map", "g.csv", "-o", "m.yaml", "--json")
	var got mapped
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
		t.Fatalf("%v\n%s", err, r.stdout)
	}
	var fields []string
	for _, c := range got.Columns {
		fields = append(fields, c.Field+" "+c.Confidence)
	}
	if want := "Name certain, StatusName likely, CompanyName certain, DueDate likely"; strings.Join(fields, ", ") != want {
		t.Errorf("%s, want %s", strings.Join(fields, ", "), want)
	}
	if got.Unsure != 1 || got.Input.Rows != 4 || len(got.Constants) != 1 || got.Constants[0] != (mappedConstant{"EntityType", "COMPANY"}) {
		t.Errorf("%+v", got)
	}
	// A value that nobody decided is refused where a row needs it.
	r = s.run(5, "import", "g.csv", "--map", "m.yaml")
	if want := `g.csv:4:8: StatusName "Banana" is mapped to ?`; !strings.Contains(r.stderr, want) || !strings.Contains(r.stderr, "m.yaml, line 9") {
		t.Errorf("no %s in\n%s", want, r.stderr)
	}
	text := strings.Replace(string(s.read(s.path("m.yaml"))), `"Banana": "?"`, `"Banana": "New"`, 1)
	if err := os.WriteFile(s.path("m.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.counts(s.json(0, "import", "g.csv", "--map", "m.yaml"), "rows=4 created=4")
}

func TestMapOfTheMessySample(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.copySample("messy.csv")
	r := s.run(0, "map", "messy.csv", "-o", "m.yaml")
	if !strings.Contains(r.stdout, "Fällig am -> DueDate  (likely") || !strings.Contains(r.stdout, "Ampel -> StatusName  (likely: a usual word for it)") {
		t.Error(r.stdout)
	}
	first := string(s.read(s.path("m.yaml")))
	r = s.run(2, "import", "messy.csv", "--map", "m.yaml")
	if !strings.Contains(r.stderr, "m.yaml: [5:15] the field is ?, which nobody decided yet") {
		t.Error(r.stderr)
	}
	// What is there is not replaced by accident.
	r = s.run(2, "map", "messy.csv", "-o", "m.yaml")
	if !strings.Contains(r.stderr, "m.yaml is there already") {
		t.Error(r.stderr)
	}
	s.run(0, "map", "messy.csv", "-o", "m.yaml", "--force", "--encoding", "windows-1252")
	if string(s.read(s.path("m.yaml"))) != first {
		t.Error("another mapping the second time")
	}
	if s.writes() != 0 {
		t.Errorf("%d write calls", s.writes())
	}
}

// Words of other systems and languages propose a field, in files of each object.
func TestMapKnowsOtherWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ object, header, want string }{
		{"goals", "Account Name,Objective,Health,Deadline,Notes", "Account Name=CompanyName Objective=Name Health=StatusName Deadline=DueDate Notes=Description"},
		{"goals", "Société,Objectif,Statut,Échéance,Remarque", "Société=CompanyName Objectif=Name Statut=StatusName Échéance=DueDate Remarque=Description"},
		{"goals", "Empresa,Objetivo,Estado,Fecha límite,Descripción", "Empresa=CompanyName Objetivo=Name Estado=StatusName Fecha límite=DueDate Descripción=Description"},
		{"templates", "Vorlage,Zielart,Tage", "Vorlage=Name Zielart=GoalTypeName Tage=DueDate"},
		{"metrics", "Kennzahl,Einheit,Beschreibung", "Kennzahl=name Einheit=unitOfMeasure Beschreibung=description"},
	} {
		s := newStage(t, "")
		s.writeFile("f.csv", []byte(c.header+"\n"+strings.Repeat("a,", strings.Count(c.header, ","))+"a\n"))
		var got mapped
		r := s.run(0, "map", "f.csv", "--object", c.object, "--json", "-o", "f.yaml")
		if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
			t.Fatal(err)
		}
		var fields []string
		for _, column := range got.Columns {
			fields = append(fields, column.Column+"="+column.Field)
		}
		if text := strings.Join(fields, " "); text != c.want {
			t.Errorf("%s: %s, want %s", c.object, text, c.want)
		}
		if yaml := string(s.read("f.yaml")); !strings.Contains(yaml, "object: "+c.object+"\n") {
			t.Error(yaml)
		}
	}
}
