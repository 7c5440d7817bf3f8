runbook storefront "Storefront release" {}

var branch: string = "main"
var host: string = "shop.example"
secret token = "s3cr3t-in-the-file"

phase deployment: live {
  step deploy {
    run "git pull && ./deploy ${branch}"
    shell """
      curl -H "Authorization: ${token}" https://${host}/deploy
    """
    http GET "https://${host}/health"
    undo none "x"
  }
}
