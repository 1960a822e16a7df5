package validate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// undecided are the places of the values that nobody decided yet.
func (p *yamlFile) undecided(n ast.Node) (map[string]string, error) {
	entries, err := p.entries(n, "values", nil)
	if err != nil {
		return nil, err
	}
	places := map[string]string{}
	for _, e := range entries {
		to, err := p.scalar(e.value, "value of "+quote(e.key))
		if err != nil {
			return nil, err
		}
		if to == Unsure {
			places[fold(e.key)] = fmt.Sprintf("%s, line %d", p.name, line(e.node))
		}
	}
	return places, nil
}

func (p *yamlFile) dateFormat(n ast.Node) (string, error) {
	text, err := p.scalar(n, "date_format")
	if err != nil {
		return "", err
	}
	if _, err := parseDateFormat(text); err != nil {
		return "", p.fault(n, "%v", err)
	}
	return text, nil
}

func (p *yamlFile) clearToken(n ast.Node) (string, error) {
	text, err := p.scalar(n, "clear_token")
	if err != nil {
		return "", err
	}
	if why := clearTokenFault(text); why != "" {
		return "", p.fault(n, "clear_token %q %s", text, why)
	}
	return text, nil
}

// clearTokenFault says why a text cannot be a clear token.
func clearTokenFault(text string) string {
	switch {
	case trim(text) == "":
		return "is blank; a blank cell keeps its field"
	case excelError(trim(text)):
		return "is an Excel error value; a broken formula must not clear a field"
	}
	return ""
}

// excelError reports whether a text is an Excel error value.
func excelError(s string) bool {
	return s != "" && s[0] == '#' && slices.Contains([]string{"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#GETTING_DATA", "#FIELD!", "#BLOCKED!", "#CONNECT!", "#UNKNOWN!", "#BUSY!"}, strings.ToUpper(s))
}
