package validate

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// synonym is a field and the words that people call it by in their files, here
// without accents: words of other systems, and of some other languages. They
// propose a field (gsbatch map); an import goes by the names of fields alone.
type synonym struct{ field, words string }

//nolint:misspell // words of other languages
func synonyms(object string) []synonym {
	common := []synonym{
		{"Gsid", "gainsight id, record id, datensatz id, identifiant, identificador"},
		{"Name", "title, subject, titel, bezeichnung, nom, titre, nombre, titulo, nome, titolo, naam, nazwa, namn, navn"},
		{"Description", "details, notes, note, comment, comments, remarks, summary, beschreibung, notiz, notizen, bemerkung, bemerkungen, kommentar, anmerkung, " +
			"descripcion, notas, comentario, comentarios, descricao, observacoes, descrizione, commento, commentaire, commentaires, remarque, omschrijving, opmerking, opis, beskrivning, beskrivelse"},
	}
	if object == "metrics" {
		return append(common,
			synonym{"Name", "metrik, kennzahl, indicateur, indicador, indicatore, kpi, measure, measurement"},
			synonym{"unitOfMeasure", "measure unit, einheit, masseinheit, unite, unite de mesure, unidad, unidade, unita, eenheid"},
			synonym{"associateGoalTypeNames", "goal types, zieltypen, zielarten, types d'objectif, tipos de objetivo"})
	}
	common = append(common,
		synonym{"StatusName", "state, stage, health, progress, phase, zustand, stand, ampel, statut, etat, avancement, estado, situacao, situacion, stato, fase, toestand, tillstand"},
		synonym{"GoalTypeName", "category, goal category name, kind, zieltyp, zielart, zielkategorie, art, typ, categorie, type d'objectif, tipo, tipo de objetivo, categoria, tipo di obiettivo, soort, doeltype"})
	if object == "templates" {
		return append(common,
			synonym{"Name", "vorlage, zielvorlage, modele, plantilla, modelo, modello, sjabloon"},
			synonym{"DueDate", "days, duration, deadline days, tage, dauer, frist, jours, duree, dias, duracion, duracao, giorni, durata, dagen"})
	}
	return append(common,
		synonym{"Name", "objective, outcome, target, ziel, zielname, zielbezeichnung, vorhaben, objectif, nom de l'objectif, objetivo, obiettivo, doel, cel, mal"},
		synonym{"DueDate", "deadline, target date, end date, finish date, by when, faellig, faellig am, fallig, fallig am, falligkeit, falligkeitsdatum, faelligkeitsdatum, frist, zieldatum, termin, enddatum, bis, " +
			"echeance, date d'echeance, date limite, fecha limite, fecha de vencimiento, vencimiento, fecha, data limite, data de vencimento, prazo, vencimento, scadenza, data di scadenza, vervaldatum, einddatum"},
		synonym{"EntityType", "level, related to, belongs to, ebene, bezug, niveau, nivel, livello"},
		synonym{"CompanyName", "account, account name, customer, customer name, client, client name, organisation, organization, kunde, kundenname, unternehmen, firma, firmenname, mandant, " +
			"societe, entreprise, compte, nom du client, empresa, cliente, cuenta, conta, azienda, societa, bedrijf, klant, organisatie, klient, foretag, kund, virksomhed"},
		synonym{"RelationshipName", "product line, beziehung, relation, relacion, relacao, relazione, relatie"},
		synonym{"OpportunityName", "deal, opportunity, verkaufschance, opportunite, oportunidad, oportunidade, opportunita, kans"},
		synonym{"TemplateId", "vorlage, zielvorlage, modele, plantilla, modelo, modello, sjabloon"},
		synonym{"CTA", "calls to action, handlungsaufforderung"},
		synonym{"SP", "success plans, erfolgsplan, plan de succes, plan de exito"})
}

// meant is the field that a header is a word for, "" if it is none.
func meant(object, header string) string {
	key := headerKey(unaccented(header))
	for _, s := range synonyms(object) {
		if slices.ContainsFunc(strings.Split(s.words, ","), func(word string) bool { return headerKey(word) == key }) {
			return s.field
		}
	}
	return ""
}

// unaccented is s without marks on its letters, and with ss for ß.
func unaccented(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) || r == '\'' || r == '’' || r == '.' || r == ':' {
			return -1
		}
		return r
	}, norm.NFD.String(s))
	return strings.ReplaceAll(s, "ß", "ss")
}
