/* api/user.c - see user.h. */
#include "api/user.h"

#include "wire/message.h"

int
user_name(struct str *out, struct json value, const char *field,
	struct buf *scratch, struct err *err)
{
	int64_t chars;

	if (!json_text(value, scratch, out))
		return err_set(err, "%s is no text", field);
	chars = message_text_chars(*out);
	if (chars <= 0)
		return err_set(err, "%s is blank, or holds U+0000", field);
	if (chars > USER_NAME_MAX)
		return err_set(err, "%s has %lld characters, the limit is %d",
			field, (long long)chars, USER_NAME_MAX);
	return 0;
}

static int
read_image(struct user *out, struct json image, struct buf *scratch,
	struct err *err)
{
	out->image = (struct str){NULL, 0};
	out->image_given = image.type != JSON_NONE;
	out->image_null = image.type == JSON_NONE || image.type == JSON_NULL;
	if (out->image_null)
		return 0;
	if (!json_text(image, scratch, &out->image) ||
		message_text_chars(out->image) < 0)
		return err_set(err, "profileImageUrl is no text");
	return 0;
}

int
user_parse(struct user *out, struct json value, struct buf *scratch,
	struct err *err)
{
	if (value.type != JSON_OBJECT)
		return err_set(err, "a user is no object");
	if (!json_i64(json_get(value, "id"), &out->id) || out->id <= 0)
		return err_set(err, "id is no positive integer");
	if (user_name(&out->nickname, json_get(value, "nickname"), "nickname",
		    scratch, err) < 0)
		return -1;
	return read_image(
		out, json_get(value, "profileImageUrl"), scratch, err);
}
