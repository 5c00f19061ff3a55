namespace Postern.Dashboard;

sealed partial class KoreanWords
{
    public override string UserRole => "역할";
    public override string UserSince => "생성";
    public override string UserSignsIn => "로그인 방법";
    public override string UserSignsInBy(bool hasPassword) => hasPassword ? "비밀번호 또는 링크" : "링크만";
    public override string UserPasswordMeans => "비워 두면 일회용 링크로만 로그인합니다.";
    public override string UserAddTitle => "사용자 추가";
    public override string UserManage => "관리";
    public override string UserManageTitle(string name) => $"사용자 {name}";
    public override string UserRemoveTitle => "사용자 삭제";
    public override string UserRemoveMeans => "이 사용자의 모든 세션이 즉시 종료됩니다.";
    public override string UserRemoveNow => "삭제";
    public override string UserNewPassword => "새 비밀번호 설정";
    public override string UserNewPasswordNow => "설정";
    public override string UserNewRole => "역할 변경";
    public override string UserNewRoleNow => "변경";
    public override string UserLinkTitle => "일회용 링크";
    public override string UserLinkMeans => "한 번만 로그인할 수 있습니다. 링크는 한 번만 표시되므로 안전한 방법으로 전달하세요.";
    public override string UserLinkMake => "링크 만들기";
    public override string LinkOnce => "한 번만 로그인할 수 있는 링크이며 지금만 표시됩니다:";
    public override string UsersNone => "아직 사용자가 없습니다.";
}
