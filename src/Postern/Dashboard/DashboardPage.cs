using Microsoft.AspNetCore.Components;
using Postern.Mta;

namespace Postern.Dashboard;

/// <summary>What every page knows: its visit. It loads what it shows in <c>OnInitializedAsync</c>, through
/// the read side of the store, and changes nothing.</summary>
public abstract class DashboardPage : ComponentBase
{
    [Parameter, EditorRequired] public required Visit Visit { get; set; }

    /// <remarks>Rendered once, with all it has loaded: a page in between, that nobody sees, would have to be
    /// whole too.</remarks>
    public override async Task SetParametersAsync(ParameterView parameters)
    {
        parameters.SetParameterProperties(this);
        OnInitialized();
        await OnInitializedAsync();
        StateHasChanged();
    }

    private protected Words W => Visit.Words;

    private protected MailTransferAgent Agent => Visit.Agent;
}
