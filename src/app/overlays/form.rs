//! Several text fields in one overlay, of which one at most has the keys.

use tui_input::Input as Field;

/// Several text fields in one overlay.
#[derive(Debug, Clone, Default)]
pub struct Form {
    /// The fields.
    fields: Vec<Field>,
    /// The field that has the keys, by index.
    focus: Option<usize>,
    /// Its text before; Esc restores it.
    before: String,
}

impl Form {
    /// Fields with these texts; none has the keys.
    pub fn of(texts: impl IntoIterator<Item = String>) -> Self {
        Self { fields: texts.into_iter().map(Field::from).collect(), ..Self::default() }
    }

    /// The fields, each with whether it has the keys.
    pub fn fields(&self) -> impl Iterator<Item = (&Field, bool)> {
        self.fields.iter().enumerate().map(|(index, field)| (field, self.focus == Some(index)))
    }

    /// The texts.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(Field::value)
    }

    /// Whether a field has the keys.
    pub const fn is_typing(&self) -> bool {
        self.focus.is_some()
    }

    /// The field that has the keys.
    pub fn field(&mut self) -> Option<&mut Field> {
        self.focus.and_then(|index| self.fields.get_mut(index))
    }

    /// Gives the keys to a field, or to the last one.
    pub fn edit(&mut self, index: usize) {
        let index = index.min(self.fields.len().saturating_sub(1));
        self.before = self.fields.get(index).map(|field| field.value().to_owned()).unwrap_or_default();
        self.focus = Some(index);
    }

    /// Accepts the text, as `tidy` returns it, and moves to the next field.
    pub fn accept(&mut self, tidy: impl FnOnce(&str) -> String) {
        let Some(index) = self.focus.take() else { return };
        if let Some(field) = self.fields.get_mut(index) {
            *field = Field::from(tidy(field.value()));
        }
        if index + 1 < self.fields.len() {
            self.edit(index + 1);
        }
    }

    /// Leaves the field as it was before.
    pub fn leave(&mut self) {
        let before = std::mem::take(&mut self.before);
        if let Some(field) = self.focus.take().and_then(|index| self.fields.get_mut(index)) {
            *field = Field::from(before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enter_goes_from_field_to_field_and_escape_restores_one() {
        let mut form = Form::of(["a".to_owned(), "b".to_owned()]);
        form.edit(0);
        *form.field().unwrap() = Field::from(" x ".to_owned());
        form.accept(|text| text.trim().to_owned());
        assert_eq!(form.fields().map(|(_, keys)| keys).collect::<Vec<_>>(), [false, true]);
        *form.field().unwrap() = Field::from("y".to_owned());
        form.leave();
        assert!(!form.is_typing() && form.field().is_none());
        assert_eq!(form.texts().collect::<Vec<_>>(), ["x", "b"]);
        form.edit(7);
        form.accept(str::to_owned);
        assert!(!form.is_typing(), "there is no field after the last");
    }
}
