package samples_test

import (
	"os"
	"strings"
	"time"

	"golang.org/x/text/encoding/charmap"

	"gsbatch/writers"
)

// generate writes the generated samples. They are for everybody to read, unlike
// what gsbatch writes.
func generate() error {
	if err := writeGoals("goals.xlsx"); err != nil {
		return err
	}
	if err := os.Chmod("goals.xlsx", 0o644); err != nil {
		return err
	}
	raw, err := messy()
	if err != nil {
		return err
	}
	return os.WriteFile("messy.csv", raw, 0o644)
}

// companies are names of the emulated tenant.
func companies() []string {
	return []string{"IBM", "Meta", "Blue Heron Health", "Borealis Foods", "Cedar Point Bank", "Cobalt Systems",
		"Fjord Seafoods", "Halcyon Labs", "Königsberg Söhne GmbH", "O'Neill Freight"}
}

// aims are what each company wants; with its name they make a unique goal.
func aims() []struct{ name, description string } {
	return []struct{ name, description string }{
		{"Roll out to all regions", "<p>EMEA first, then APAC and the Americas.</p>"},
		{"Reach 80% weekly active users", "Counted over four weeks, service accounts left out."},
		{"Replace the old ticket system", "<p>Data of the last <b>three years</b> is migrated.</p>"},
		{"Cut onboarding to two weeks", ""},
		{"Train the administrators", "Two per region; the certificate counts."},
		{"Automate the monthly report", "<ul><li>usage</li><li>health</li><li>open risks</li></ul>"},
		{"Single sign-on for all users", ""},
		{"Executive review every quarter", "Sponsor and owner take part."},
		{"Integrate the CRM", "Both ways; conflicts go to the data steward."},
		{"Raise the health score to 75", "Measured at the end of the quarter."},
		{"Launch the customer portal", "<p>Soft launch with five accounts &amp; feedback.</p>"},
		{"Renew for three years", ""},
	}
}

// writeGoals writes goals.xlsx: one goal for each company and aim.
func writeGoals(path string) error {
	table, err := writers.NewTable(path, []writers.Column{
		{Name: "Name"}, {Name: "Status"}, {Name: "Goal Type"}, {Name: "Entity Type"}, {Name: "Company"},
		{Name: "Due Date", Kind: writers.Date, Width: 14}, {Name: "Description", Width: 60},
	}, writers.TableOptions{Sheet: "Goals"})
	if err != nil {
		return err
	}
	defer table.Abort()
	statuses := []string{"New", "On Track", "On Track", "At Risk", "Achieved"}
	first := time.Date(2027, time.January, 15, 0, 0, 0, 0, time.UTC)
	n := 0
	for _, company := range companies() {
		for i, aim := range aims() {
			due := first.AddDate(0, 0, 5*n%540).Format(time.DateOnly)
			if i == 7 {
				due = "" // every quarter, without an end
			}
			row := []string{aim.name, statuses[(n+i)%len(statuses)], "Default", "COMPANY", company, due, aim.description}
			if err := table.Write(row); err != nil {
				return err
			}
			n++
		}
	}
	return table.Commit()
}

// messyRows are the rows of messy.csv, as a German Excel would save them.
func messyRows() []string {
	return []string{
		`1;IBM;Rollout in allen Werken;Im Plan;31.03.2027;Größter Standort: München;J. Müller`,
		"2;IBM;Schulung der Schlüsselanwender;Gefährdet;15.04.2027;\"Abstimmung mit \"\"Einkauf\"\";\r\nBudget: 12.000 €\";J. Müller",
		`3;Königsberg Söhne GmbH;Altsystem ablösen;Neu;01.07.2027;;K. Weiß`,
		`4; Königsberg Söhne GmbH ;Berichte automatisieren;im plan;05.06.2027;Überschuss prüfen;K. Weiß`,
		`5;Cobalt Systems;"Portal; erste Ausbaustufe";Erreicht;28.02.2027;"Abnahme am 1. März` + "\r\n" + `Protokoll folgt";Ö. Yildiz`,
		`6;Cobalt Systems;Single Sign-on für alle;NEU;;"– offen –";`,
		`7;Meta;Quartalsgespräch mit der Geschäftsführung;Im Plan;30.09.2027;"Teilnehmer:` + "\r\n\r\n" + `Vorstand, Projektleitung";A. Groß`,
		`8;Meta;Nutzung auf 80 % steigern;Gefährdet;31.12.2027;Messung über 4 Wochen;A. Groß`,
		`9;Fjord Seafoods;Vertrag um drei Jahre verlängern;Neu;15.11.2027;"Angebot ""Premium"" liegt vor";A. Groß`,
		`10;Fjord Seafoods;CRM anbinden;Erreicht;10.01.2027;;`,
	}
}

// messy returns messy.csv: Windows-1252, semicolons, CRLF.
func messy() ([]byte, error) {
	lines := append([]string{`Lfd. Nr.;Kunde;Ziel;Ampel;Fällig am;Notiz;Betreuer`}, messyRows()...)
	return charmap.Windows1252.NewEncoder().Bytes([]byte(strings.Join(lines, "\r\n") + "\r\n"))
}
