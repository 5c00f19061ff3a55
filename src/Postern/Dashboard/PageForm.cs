using Microsoft.AspNetCore.Http.Features;

namespace Postern.Dashboard;

/// <summary>A form as a page of ours sends it: a few short fields.</summary>
static class PageForm
{
    /// <summary>The longest password takes 3 KiB of it, with every octet escaped.</summary>
    const int OctetsMax = 16 * 1024;

    const int FieldsMax = 32;

    /// <summary>Null: it is none, whatever it is: only a form's own kind comes from a page of ours.</summary>
    /// <exception cref="BadHttpRequestException">It is too long.</exception>
    public static async ValueTask<IFormCollection?> ReadAsync(HttpContext context)
    {
        var request = context.Request;
        if (request.ContentType?.Split(';')[0].Trim() is not "application/x-www-form-urlencoded")
            return null;
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = OctetsMax;
        var form = new FormFeature(
            request, new FormOptions { ValueCountLimit = FieldsMax, ValueLengthLimit = OctetsMax });
        try
        {
            return await form.ReadFormAsync(context.RequestAborted);
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }
}
