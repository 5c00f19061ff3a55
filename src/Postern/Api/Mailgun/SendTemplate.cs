namespace Postern.Api.Mailgun;

/// <summary>A version of a template, as mail is made of it.</summary>
/// <param name="Source">Of <paramref name="Body"/>.</param>
/// <param name="Body">Makes HTML.</param>
/// <param name="Headers">From, Subject and Reply-To for mail that has none of its own.</param>
sealed record SendTemplate(
    string Source, HandlebarsTemplate Body,
    IReadOnlyDictionary<string, HandlebarsTemplate> Headers);
